// "hearth.conversation.v1" (PROTOCOL §6).
#include <array>

#include "server/api/import_file.h"

namespace hearth::server {
namespace {

using nlohmann::json;

EndReason reason_of(const json& message) {
  const std::string reason = foreign::text(message, "finish_reason");
  for (const EndReason known : {EndReason::stop, EndReason::length, EndReason::cancelled,
                                EndReason::failed, EndReason::interrupted}) {
    if (reason == to_string(known)) return known;
  }
  return EndReason::interrupted;  // it was being written
}

std::string params_of(const json& object) {
  const json& params = foreign::object(object, "params");
  return params.empty() ? std::string() : params.dump();
}

}  // namespace

ForeignConversation read_hearth(const json& object) {
  ForeignConversation read{.source = "hearth:" + foreign::text(object, "id"),
                           .title = foreign::text(object, "title"),
                           .system = foreign::text(object, "system"),
                           .params_json = params_of(object),
                           .pinned = foreign::flag(object, "pinned"),
                           .created_ms = foreign::time_ms(object, "created"),
                           .updated_ms = foreign::time_ms(object, "updated"),
                           .head = foreign::text(object, "head"),
                           .original = parse_id<ConversationId>(foreign::text(object, "id"))};
  const auto messages = object.find("messages");
  if (messages == object.end() || !messages->is_array()) return read;
  for (const json& message : *messages) {
    if (!message.is_object()) continue;
    ForeignMessage node{.id = foreign::text(message, "id"),
                        .parent = foreign::text(message, "parent"),
                        .text = foreign::text(message, "content"),
                        .created_ms = foreign::time_ms(message, "created"),
                        .edited = foreign::flag(message, "edited"),
                        .model = foreign::text(message, "model"),
                        .params_json = params_of(message)};
    const std::string role = foreign::text(message, "role");
    node.is_kept = role == "user" || role == "assistant";
    if (!node.is_kept) ++read.left_out["hidden_messages"];
    if (role == "assistant") {
      node.role = Role::assistant;
      node.reason = reason_of(message);
      const auto seed = message.find("seed");
      if (seed != message.end() && seed->is_number_unsigned())
        node.seed = seed->get<std::uint64_t>();
    }
    read.messages.push_back(std::move(node));
  }
  return read;
}

}  // namespace hearth::server
