#include "server/api/chat_messages.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace hearth::server {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kMessagesMax = 512;
constexpr std::size_t kPartsMax = 64;
constexpr std::size_t kToolsMax = 64;

const char* role_named(const std::string& name) {
  if (name == "system" || name == "developer") return "system";
  if (name == "user") return "user";
  if (name == "assistant") return "assistant";
  if (name == "tool" || name == "function") return "tool";
  return nullptr;
}

// A string, or an array of {"type": "text", "text"} parts.
Parsed<std::string> read_content(const ordered_json& content, const std::string& param) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array() || content.empty() || content.size() > kPartsMax) {
    return invalid(param, param + " must be a string or an array of 1 to 64 text parts.");
  }
  std::string text;
  for (const ordered_json& part : content) {
    const bool is_text = part.is_object() && part.contains("text") && part["text"].is_string() &&
                         (!part.contains("type") || part["type"] == "text" ||
                          part["type"] == "input_text" || part["type"] == "output_text");
    if (!is_text)
      return invalid(param, param + " may hold only text parts: this model reads nothing else.");
    text += part["text"].get<std::string>();
  }
  return text;
}

// Templates print arguments with tojson: as a text they would be quoted twice.
Parsed<ordered_json> read_call(const ordered_json& call, const std::string& param) {
  const bool is_call = call.is_object() && call.contains("function") &&
                       call["function"].is_object() && call["function"].contains("name") &&
                       call["function"]["name"].is_string();
  if (!is_call) return invalid(param, param + " must be a call with function.name.");
  ordered_json arguments = call["function"].value("arguments", ordered_json("{}"));
  if (arguments.is_string()) {
    const ordered_json parsed = ordered_json::parse(arguments.get<std::string>(), nullptr, false);
    if (parsed.is_object()) arguments = parsed;
  }
  ordered_json out = {{"type", "function"},
                      {"function", {{"name", call["function"]["name"]}, {"arguments", arguments}}}};
  if (call.contains("id") && call["id"].is_string()) out["id"] = call["id"];
  return out;
}

Parsed<ordered_json> read_message(const ordered_json& message, const std::string& param) {
  if (!message.is_object())
    return invalid(param, param + " must be an object with role and content.");
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string())
    return invalid(param + ".role", param + ".role must be a string.");
  const char* const known = role_named(role->get<std::string>());
  if (!known)
    return invalid(param + ".role",
                   param + ".role must be system, developer, user, assistant or tool.");
  ordered_json out = {{"role", known}, {"content", ""}};
  const auto calls = message.find("tool_calls");
  const bool has_calls = calls != message.end() && calls->is_array() && !calls->empty();
  const auto content = message.find("content");
  if (content != message.end() && !content->is_null()) {
    Parsed<std::string> text = read_content(*content, param + ".content");
    if (!text) return tl::unexpected(text.error());
    out["content"] = std::move(*text);
  } else if (!has_calls) {
    return invalid(param + ".content", param + ".content is missing.");
  }
  if (has_calls) {
    out["tool_calls"] = ordered_json::array();
    for (const ordered_json& call : *calls) {
      Parsed<ordered_json> one = read_call(call, param + ".tool_calls");
      if (!one) return tl::unexpected(one.error());
      out["tool_calls"].push_back(std::move(*one));
    }
  }
  for (const char* const name : {"name", "tool_call_id", "reasoning_content"}) {
    if (message.contains(name) && message[name].is_string()) out[name] = message[name];
  }
  return out;
}

// [{"type": "function", "function": {"name", "description"?, "parameters"?}}…]
Parsed<void> check_tools(const ordered_json& tools) {
  if (!tools.is_array() || tools.size() > kToolsMax)
    return invalid("tools", "tools must be an array of at most 64 functions.");
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string param = "tools[" + std::to_string(i) + "]";
    const ordered_json& tool = tools[i];
    const bool has_function = tool.is_object() &&
                              (!tool.contains("type") || tool["type"] == "function") &&
                              tool.contains("function") && tool["function"].is_object();
    if (!has_function)
      return invalid(param, param + " must be {\"type\": \"function\", \"function\"}.");
    const ordered_json& function = tool["function"];
    const auto is_allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.';
    };
    const std::string name = function.contains("name") && function["name"].is_string()
                                 ? function["name"].get<std::string>()
                                 : "";
    if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), is_allowed)) {
      return invalid(param + ".function.name",
                     param + ".function.name must be 1 to 64 letters, digits, '_', '-' or '.'.");
    }
    if (function.contains("parameters") && !function["parameters"].is_object())
      return invalid(param + ".function.parameters",
                     param + ".function.parameters must be a JSON schema.");
  }
  return {};
}

}  // namespace

Parsed<ordered_json> read_messages(const Body& body) {
  const auto messages = body.ordered.find("messages");
  if (messages == body.ordered.end() || !messages->is_array() || messages->empty() ||
      messages->size() > kMessagesMax) {
    return invalid("messages", "messages must be an array of 1 to 512 messages.");
  }
  ordered_json out = ordered_json::array();
  for (std::size_t i = 0; i < messages->size(); ++i) {
    Parsed<ordered_json> one = read_message((*messages)[i], "messages[" + std::to_string(i) + "]");
    if (!one) return tl::unexpected(one.error());
    out.push_back(std::move(*one));
  }
  return out;
}

Parsed<ToolWish> read_tools(const Body& body) {
  ToolWish wish;
  if (body.checked.contains("functions"))
    return invalid("functions", "functions are not offered; send them as tools.");
  const auto parallel = body.checked.find("parallel_tool_calls");
  if (parallel != body.checked.end()) {
    if (!parallel->is_boolean())
      return invalid("parallel_tool_calls", "parallel_tool_calls must be true or false.");
    wish.is_parallel = parallel->get<bool>();
  }
  const json choice = body.checked.value("tool_choice", json("auto"));
  const bool is_named = choice.is_object() && choice.contains("function") &&
                        choice["function"].is_object() && choice["function"].contains("name") &&
                        choice["function"]["name"].is_string();
  if (!is_named && choice != "auto" && choice != "none" && choice != "required")
    return invalid("tool_choice", "tool_choice must be none, auto, required or a function.");
  const bool has_tools = body.checked.contains("tools") && body.checked["tools"] != json::array();
  if (!has_tools) {
    if (is_named || choice == "required")
      return invalid("tool_choice", "There are no tools to choose from.");
    return wish;
  }
  const ordered_json& tools = body.ordered["tools"];
  if (Parsed<void> checked = check_tools(tools); !checked) return tl::unexpected(checked.error());
  if (choice == "none") return wish;
  wish.tools = tools;
  if (choice == "required") wish.rule = ToolCallRule{tools};
  if (!is_named) return wish;
  const auto name = choice["function"]["name"].get<std::string>();
  ordered_json chosen = ordered_json::array();
  for (const ordered_json& tool : tools) {
    if (tool["function"]["name"].get_ref<const std::string&>() == name) chosen.push_back(tool);
  }
  if (chosen.empty())
    return invalid("tool_choice", "tool_choice names a function that is not in tools.");
  wish.rule = ToolCallRule{std::move(chosen)};
  return wish;
}

Parsed<OutputRule> read_response_format(const Body& body) {
  const auto format = body.checked.find("response_format");
  if (format == body.checked.end()) return OutputRule{};
  const std::string type =
      format->is_object() && format->contains("type") && (*format)["type"].is_string()
          ? (*format)["type"].get<std::string>()
          : "";
  if (type == "text") return OutputRule{};
  if (type == "json_object") return OutputRule{JsonObjectRule{}};
  if (type != "json_schema")
    return invalid("response_format",
                   "response_format.type must be text, json_object or json_schema.");
  const ordered_json& ordered = body.ordered["response_format"];
  const auto schema = ordered.find("json_schema");
  const bool has_schema =
      schema != ordered.end() && schema->is_object() && schema->contains("schema");
  if (!has_schema)
    return invalid("response_format", "response_format.json_schema.schema is missing.");
  return OutputRule{JsonSchemaRule{(*schema)["schema"]}};
}

Parsed<ordered_json> read_template_variables(const Body& body) {
  static constexpr std::array kAllowed = {
      "enable_thinking",  "thinking",    "thinking_budget",       "preserve_thinking",
      "reasoning_effort", "date_string", "tools_in_user_message", "add_vision_id"};
  ordered_json out = ordered_json::object();
  const auto wanted = body.checked.find("chat_template_kwargs");
  if (wanted == body.checked.end()) return out;
  const std::string param = "chat_template_kwargs";
  if (!wanted->is_object()) return invalid(param, param + " must be an object.");
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" ,.:_-").find(c) != std::string_view::npos;
  };
  for (const auto& [name, value] : wanted->items()) {
    const bool is_known = std::find(kAllowed.begin(), kAllowed.end(), name) != kAllowed.end();
    if (!is_known) return invalid(param, param + " may not set that variable of the template.");
    const bool is_text = value.is_string() && value.get_ref<const std::string&>().size() <= 64 &&
                         std::all_of(value.get_ref<const std::string&>().begin(),
                                     value.get_ref<const std::string&>().end(), is_plain);
    if (!value.is_boolean() && !value.is_number_integer() && !is_text)
      return invalid(param + "." + name,
                     param + "." + name + " must be a boolean, a whole number or a plain word.");
    out[name] = value;
  }
  return out;
}

}  // namespace hearth::server
