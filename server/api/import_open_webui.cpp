// A chat of Open WebUI's export: `chat.history.messages` by id, each with `parentId`.
#include "server/api/import_file.h"

namespace hearth::server {
namespace {

using nlohmann::json;

std::string text_of(const json& message, std::map<std::string, std::int64_t>& left_out) {
  const auto content = message.find("content");
  if (content == message.end() || !content->is_array()) return foreign::text(message, "content");
  std::string text;
  for (const json& part : *content) {
    const std::string more = part.is_object() ? foreign::text(part, "text") : std::string();
    if (more.empty()) ++left_out["attachments"];
    if (!text.empty() && !more.empty()) text += "\n\n";
    text += more;
  }
  return text;
}

std::int64_t count_files(const json& message) {
  const auto files = message.find("files");
  if (files == message.end() || !files->is_array()) return 0;
  return static_cast<std::int64_t>(files->size());
}

ForeignMessage read_message(const std::string& id, const json& message, ForeignConversation& read) {
  const std::string role = foreign::text(message, "role");
  ForeignMessage node{.id = id,
                      .parent = foreign::text(message, "parentId"),
                      .is_kept = role == "user" || role == "assistant",
                      .text = text_of(message, read.left_out),
                      .created_ms = foreign::time_ms(message, "timestamp")};
  if (const std::int64_t files = count_files(message); files > 0)
    read.left_out["attachments"] += files;
  if (role == "system" && read.system.empty()) {
    read.system = node.text;
  } else if (!node.is_kept) {
    ++read.left_out[role == "tool" ? "tool_messages" : "hidden_messages"];
  } else if (node.text.empty()) {
    node.is_kept = false;
    ++read.left_out["empty_messages"];
  }
  if (role == "assistant") {
    node.role = Role::assistant;
    node.model = foreign::text(message, "model");
  }
  return node;
}

}  // namespace

ForeignConversation read_open_webui(const json& object) {
  const json& chat = foreign::object(object, "chat");
  const json& history = foreign::object(chat, "history");
  std::string id = foreign::text(object, "id");
  if (id.empty()) id = foreign::text(chat, "id");
  ForeignConversation read{.source = "openwebui:" + id,
                           .title = foreign::text(object, "title"),
                           .system = foreign::text(chat, "system"),
                           .pinned = foreign::flag(object, "pinned"),
                           .created_ms = foreign::time_ms(object, "created_at"),
                           .updated_ms = foreign::time_ms(object, "updated_at"),
                           .head = foreign::text(history, "currentId")};
  if (read.title.empty()) read.title = foreign::text(chat, "title");
  if (read.system.empty()) read.system = foreign::text(foreign::object(chat, "params"), "system");
  for (const auto& [key, value] : foreign::object(history, "messages").items()) {
    if (value.is_object()) read.messages.push_back(read_message(key, value, read));
  }
  return read;
}

}  // namespace hearth::server
