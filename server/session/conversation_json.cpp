#include "server/session/conversation_json.h"

#include "server/session/events.h"
#include "server/session/thought.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

json id_list(const std::vector<MessageId>& ids) {
  json list = json::array();
  for (const MessageId& id : ids) list.push_back(to_string(id));
  return list;
}

json or_null(const std::optional<MessageId>& id) {
  return id ? json(to_string(*id)) : json(nullptr);
}

}  // namespace

json object_of(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

json summary_json(const Conversation& conversation, const std::vector<MessageId>& live) {
  return {{"id", to_string(conversation.id)},   {"title", conversation.title},
          {"revision", conversation.revision},  {"head", or_null(conversation.head)},
          {"created", conversation.created_ms}, {"updated", conversation.updated_ms},
          {"pinned", conversation.pinned},      {"live", id_list(live)}};
}

json conversation_json(const Conversation& conversation, const std::vector<MessageId>& live) {
  json body = summary_json(conversation, live);
  body["system"] = conversation.system;
  body["params"] = object_of(conversation.params_json);
  return body;
}

json message_json(const Message& message) {
  json body = {{"id", to_string(message.id)},     {"parent", or_null(message.parent)},
               {"role", to_string(message.role)}, {"content", message.content},
               {"created", message.created_ms},   {"status", to_string(message.status)}};
  if (message.edited) body["edited"] = true;
  if (message.role != Role::assistant) return body;
  const auto [reasoning, answer] = parts_of(message.content);
  if (answer.size() != message.content.size()) {
    body["content"] = answer;
    body["reasoning"] = reasoning;
  }
  body["model"] = message.model;
  body["seed"] = message.seed;
  body["params"] = object_of(message.params_json);
  body["dropped"] = id_list(message.dropped);
  body["to"] = message.tokens;
  if (!message.end) return body;
  body["finish_reason"] = to_string(message.end->reason);
  body["usage"] = usage_json(*message.end);
  body["timings"] = timings_json(*message.end);
  if (message.end->reason == EndReason::failed) {
    body["error"] =
        to_json(WireError{.code = message.end->error_code, .detail = message.end->error});
  }
  return body;
}

json hit_json(const SearchHit& hit) {
  json body = {{"conversation",
                {{"id", to_string(hit.conversation.id)},
                 {"title", hit.conversation.title},
                 {"updated", hit.conversation.updated_ms}}}};
  if (hit.message) {
    body["message"] = to_string(*hit.message);
    body["role"] = to_string(hit.role);
    body["created"] = hit.created_ms;
  }
  json parts = json::array();
  for (const SnippetPart& part : hit.snippet) {
    json one = {{"text", part.text}};
    if (part.is_match) one["match"] = true;
    parts.push_back(std::move(one));
  }
  body["snippet"] = std::move(parts);
  return body;
}

}  // namespace hearth::server
