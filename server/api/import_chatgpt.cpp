// An element of ChatGPT's conversations.json: a tree of nodes, of which some have a message, of
// which some are for people.
#include "server/api/import_file.h"

namespace hearth::server {
namespace {

using nlohmann::json;

// Text parts, one below the other; the others are attachments.
std::string text_of(const json& content, std::map<std::string, std::int64_t>& left_out) {
  const auto parts = content.find("parts");
  if (parts == content.end() || !parts->is_array()) return foreign::text(content, "text");
  std::string text;
  for (const json& part : *parts) {
    std::string more = part.is_string() ? part.get<std::string>() : foreign::text(part, "text");
    if (!part.is_string() && more.empty()) ++left_out["attachments"];
    if (!text.empty() && !more.empty()) text += "\n\n";
    text += more;
  }
  return text;
}

bool is_for_people(const json& message) {
  const std::string kind = foreign::text(foreign::object(message, "content"), "content_type");
  const json& metadata = foreign::object(message, "metadata");
  const bool is_text = kind.empty() || kind == "text" || kind == "multimodal_text";
  return is_text && !foreign::flag(metadata, "is_visually_hidden_from_conversation");
}

// Why it is left out; "" when it is kept.
std::string why_left_out(const json& message, const std::string& role, const std::string& text) {
  const std::string recipient = foreign::text(message, "recipient");
  const bool is_call = role == "assistant" && !recipient.empty() && recipient != "all";
  if (role == "tool" || is_call) return "tool_messages";
  if ((role != "user" && role != "assistant") || !is_for_people(message)) return "hidden_messages";
  return text.empty() ? "empty_messages" : "";
}

void read_message(const json& message, ForeignMessage& node, ForeignConversation& read) {
  const std::string role = foreign::text(foreign::object(message, "author"), "role");
  node.text = text_of(foreign::object(message, "content"), read.left_out);
  node.created_ms = foreign::time_ms(message, "create_time");
  if (role == "system" && is_for_people(message) && !node.text.empty() && read.system.empty()) {
    read.system = node.text;
    return;
  }
  const std::string reason = why_left_out(message, role, node.text);
  if (!reason.empty()) {
    // The empty message at the root of each conversation is no loss.
    if (!node.text.empty() || reason != "hidden_messages") ++read.left_out[reason];
    return;
  }
  node.is_kept = true;
  if (role != "assistant") return;
  node.role = Role::assistant;
  node.model = foreign::text(foreign::object(message, "metadata"), "model_slug");
}

}  // namespace

ForeignConversation read_chatgpt(const json& object) {
  std::string id = foreign::text(object, "conversation_id");
  if (id.empty()) id = foreign::text(object, "id");
  ForeignConversation read{.source = "chatgpt:" + id,
                           .title = foreign::text(object, "title"),
                           .created_ms = foreign::time_ms(object, "create_time"),
                           .updated_ms = foreign::time_ms(object, "update_time"),
                           .head = foreign::text(object, "current_node")};
  for (const auto& [key, value] : foreign::object(object, "mapping").items()) {
    if (!value.is_object()) continue;
    ForeignMessage node{.id = key, .parent = foreign::text(value, "parent"), .is_kept = false};
    read_message(foreign::object(value, "message"), node, read);
    read.messages.push_back(std::move(node));
  }
  return read;
}

}  // namespace hearth::server
