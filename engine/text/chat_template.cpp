#include "engine/text/chat_template.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <new>
#include <utility>

#include "engine/text/jinja/builtin_forms.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/parser.h"
#include "engine/text/jinja/unicode.h"
#include "engine/text/model_family.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

constexpr jinja::Limits kLimits;

// Runs work below the one place where the template engine's private exception is turned into a
// value.
template <class T, class Work>
Result<T> guarded(Work work) {
  try {
    return work();
  } catch (jinja::Failure& failure) {
    return tl::unexpected<Error>(std::move(failure.error));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::template_limit, "The chat template needs more memory than there is.");
  }
}

// The roles of the chat protocols cannot forge anything, and templates build special tokens from
// them
// ('<|' + message.role + '|>'): they count as the template's own text. Any other role is message
// text.
bool is_known_role(const std::string& role) {
  static constexpr std::array<std::string_view, 8> kRoles = {
      "system", "user", "assistant", "tool", "developer", "function", "observation", "model"};
  return std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
}

jinja::Value make_message(const ordered_json& message, jinja::Budget& budget) {
  if (!message.is_object()) return jinja::from_json(message, Origin::from_message, budget);
  jinja::Dict dict;
  for (const auto& [key, value] : message.items()) {
    const bool is_role =
        key == "role" && value.is_string() && is_known_role(value.get_ref<const std::string&>());
    const Origin origin = is_role ? Origin::from_template : Origin::from_message;
    dict.set(jinja::make_text(jinja::to_valid_utf8(key), Origin::from_message),
             jinja::from_json(value, origin, budget));
  }
  jinja::Value result = jinja::make_dict(std::move(dict), budget);
  result.origin = Origin::from_message;
  return result;
}

jinja::Value make_messages(const ordered_json& messages, jinja::Budget& budget) {
  if (!messages.is_array()) return jinja::from_json(messages, Origin::from_message, budget);
  std::vector<jinja::Value> items;
  items.reserve(messages.size());
  for (const auto& message : messages) items.push_back(make_message(message, budget));
  jinja::Value result = jinja::make_sequence(jinja::SequenceKind::list, std::move(items), budget);
  result.origin = Origin::from_message;
  return result;
}

// Defines what transformers defines. A discarded value stands for a variable that is not there.
void define_all(jinja::Interpreter& interpreter, const TemplateVariables& variables) {
  jinja::Budget& budget = interpreter.budget();
  if (!variables.messages.is_discarded())
    interpreter.define("messages", make_messages(variables.messages, budget));
  interpreter.define("tools", jinja::from_json(variables.tools, Origin::from_message, budget));
  interpreter.define("documents",
                     jinja::from_json(variables.documents, Origin::from_message, budget));
  interpreter.define("add_generation_prompt", jinja::make_bool(variables.add_generation_prompt));
  if (!variables.extra.is_object()) return;
  for (const auto& [name, value] : variables.extra.items()) {
    interpreter.define(name, jinja::from_json(value, Origin::from_template, budget));
  }
}

class CompiledTemplate final : public ChatTemplate {
 public:
  CompiledTemplate(jinja::Body body, std::optional<jinja::Body> tool_use, std::string source,
                   const jinja::BuiltinForm* form)
      : body_(std::move(body)), tool_use_(std::move(tool_use)), source_(std::move(source)) {
    if (form == nullptr) return;
    leaves_bos_to_tokenizer_ = form->leaves_bos_to_tokenizer;
    stop_tokens_.assign(form->stop_tokens.begin(), form->stop_tokens.end());
  }

  Result<MarkedText> render(const TemplateVariables& variables) const override {
    return guarded<MarkedText>([&]() -> Result<MarkedText> {
      jinja::Interpreter interpreter({kLimits, variables.now});
      const bool has_tools = tool_use_ && !variables.tools.is_null() && !variables.tools.empty();
      try {
        define_all(interpreter, variables);
        return interpreter.run(has_tools ? *tool_use_ : body_);
      } catch (jinja::Failure& failure) {
        if (failure.error.code != ErrorCode::template_raised) {
          failure.error.detail +=
              " (line " + std::to_string(interpreter.line()) + " of the chat template)";
        }
        throw;
      }
    });
  }

  const std::string& source() const override { return source_; }
  bool leaves_bos_to_tokenizer() const override { return leaves_bos_to_tokenizer_; }
  const std::vector<std::string>& stop_tokens() const override { return stop_tokens_; }

 private:
  jinja::Body body_;
  std::optional<jinja::Body> tool_use_;
  std::string source_;
  bool leaves_bos_to_tokenizer_ = false;
  std::vector<std::string> stop_tokens_;
};

Result<std::shared_ptr<const ChatTemplate>> compile_all(std::string_view text,
                                                        std::optional<std::string> tool_use,
                                                        std::string source,
                                                        const jinja::BuiltinForm* form = nullptr) {
  using Pointer = std::shared_ptr<const ChatTemplate>;
  return guarded<Pointer>([&]() -> Result<Pointer> {
    const auto parse = [](std::string_view part) {
      if (!jinja::is_valid_utf8(part)) {
        jinja::raise(ErrorCode::template_syntax, "The chat template is not valid UTF-8.");
      }
      return jinja::parse_template(part, kLimits);
    };
    std::optional<jinja::Body> tool_body;
    if (tool_use) tool_body = parse(*tool_use);
    return std::make_shared<const CompiledTemplate>(parse(text), std::move(tool_body),
                                                    std::move(source), form);
  });
}

// The file's bytes, or nullopt when it cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(path, ec)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The file as a JSON object; null when there is no such file.
Result<ordered_json> read_json(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return ordered_json(nullptr);
  ordered_json json = ordered_json::parse(*bytes, nullptr, false);
  if (!json.is_object())
    return fail(ErrorCode::config_invalid, path.string() + " is not a JSON object.");
  return json;
}

struct Sources {
  std::string text;
  std::optional<std::string> tool_use;
};

// chat_template: a string, or a list of {"name", "template"}. nullopt when absent or null.
Result<std::optional<Sources>> read_chat_template(const ordered_json& config,
                                                  const std::filesystem::path& path) {
  const auto found = config.is_object() ? config.find("chat_template") : config.end();
  if (!config.is_object() || found == config.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return Sources{found->get<std::string>(), std::nullopt};
  const auto bad = [&](const std::string& what) {
    return fail(ErrorCode::config_invalid, path.string() + ": chat_template " + what + ".");
  };
  if (!found->is_array()) return bad("is neither a string nor a list");
  std::optional<std::string> text;
  std::optional<std::string> tool_use;
  for (const auto& entry : *found) {
    const bool is_entry = entry.is_object() && entry.contains("name") &&
                          entry["name"].is_string() && entry.contains("template") &&
                          entry["template"].is_string();
    if (!is_entry) return bad("has an entry without a name or a template");
    if (entry["name"] == "default") text = entry["template"].get<std::string>();
    if (entry["name"] == "tool_use") tool_use = entry["template"].get<std::string>();
  }
  if (!text) return bad("is a list without an entry named default");
  return Sources{std::move(*text), std::move(tool_use)};
}

}  // namespace

const std::vector<std::string>& ChatTemplate::stop_tokens() const {
  static const std::vector<std::string> none;
  return none;
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::compile(std::string source) {
  return compile_all(source, std::nullopt, "given template");
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::load(
    const std::filesystem::path& folder) {
  std::error_code ec;
  if (!std::filesystem::is_directory(folder, ec)) {
    return fail(ErrorCode::folder_not_found, folder.string() + " is not a folder.");
  }
  if (const auto text = read_file(folder / "chat_template.jinja")) {
    return compile_all(*text, read_file(folder / "additional_chat_templates" / "tool_use.jinja"),
                       "chat_template.jinja");
  }
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    const auto config = read_json(folder / name);
    if (!config) return tl::unexpected<Error>(config.error());
    auto sources = read_chat_template(*config, folder / name);
    if (!sources) return tl::unexpected<Error>(sources.error());
    if (*sources) return compile_all((*sources)->text, std::move((*sources)->tool_use), name);
  }
  const auto config = read_json(folder / "config.json");
  if (!config) return tl::unexpected<Error>(config.error());
  const std::string name = std::filesystem::weakly_canonical(folder, ec).filename().string();
  const TextFamily family = text_family_of(folder);
  if (const jinja::BuiltinForm* form = jinja::find_builtin_form(*config, name, family)) {
    return compile_all(form->source, std::nullopt, std::string(form->name), form);
  }
  return fail(ErrorCode::file_missing,
              folder.string() +
                  " has no chat template (expected chat_template.jinja, or chat_template in "
                  "tokenizer_config.json), and there is no built-in form for its model_type.");
}

}  // namespace hearth::engine
