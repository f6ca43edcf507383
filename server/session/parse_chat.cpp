// Readers of what asks for a reply, or for its price.
#include "server/session/parse_parts.h"

namespace hearth::server {

parts::Params parts::params(Fields& fields, std::int64_t max_tokens_limit) {
  const nlohmann::json* const object = fields.find("params");
  if (!object) return {};
  auto parsed = parse_generation_params(*object, "params.", max_tokens_limit);
  if (parsed) return {std::move(*parsed), object->dump()};
  fields.fail(parsed.error().code, parsed.error().param, parsed.error().detail);
  return {};
}

namespace readers {
namespace {

using nlohmann::json;
using namespace parts;

ParentRef read_parent(Fields& fields) {
  const json* parent = fields.find("parent");
  if (!parent) return {};
  if (parent->is_null()) return {ParentRef::Kind::root, {}};
  return {ParentRef::Kind::message, fields.id<MessageId>("parent").value_or(MessageId{})};
}

void read_regenerate(Fields& fields, const ChatCreate& create) {
  fields.require("conversation");
  fields.require("parent");
  if (fields.ok() && create.parent.kind != ParentRef::Kind::message) {
    fields.fail(ErrorCode::invalid_parameter, "parent", "parent must be the message to answer.");
  }
  if (fields.has("content")) {
    fields.fail(ErrorCode::invalid_message, "content", "regenerate takes no content.");
  }
}

// All but the content's presence.
ChatCreate read_draft(Fields& fields, const json& message, const ParseLimits& limits) {
  ChatCreate create;
  create.id = request_id(fields);
  create.conversation = fields.id<ConversationId>("conversation");
  create.parent = read_parent(fields);
  create.regenerate = fields.boolean("regenerate").value_or(false);
  if (create.regenerate) {
    read_regenerate(fields, create);
  } else {
    create.content = limited_text(fields, "content", limits.content_bytes);
  }
  if (!create.conversation && create.parent.kind == ParentRef::Kind::message) {
    fields.fail(ErrorCode::invalid_parameter, "parent", "A parent needs its conversation.");
  }
  if (fields.has("system")) create.system = limited_text(fields, "system", limits.system_bytes);
  Params given = params(fields, limits.max_tokens);
  create.params = std::move(given.values);
  create.params_json = std::move(given.json);
  create.body_hash = sha256(message.dump());  // keys are sorted, so field order does not matter
  return create;
}

}  // namespace

ChatCreate chat_create(Fields& fields, const json& message, const ParseLimits& limits) {
  ChatCreate create = read_draft(fields, message, limits);
  inspection(fields, create);
  if (create.regenerate) return create;
  fields.require("content");
  if (fields.ok() && create.content.empty()) {
    fields.fail(ErrorCode::invalid_parameter, "content", "content must not be empty.");
  }
  return create;
}

ChatCreate chat_continue(Fields& fields, const json& message, const ParseLimits& limits) {
  ChatCreate create;
  create.id = request_id(fields);
  create.continues = true;
  create.conversation = required_id<ConversationId>(fields, "conversation");
  create.parent = {ParentRef::Kind::message, required_id<MessageId>(fields, "message")};
  Params given = params(fields, limits.max_tokens);
  create.params = std::move(given.values);
  create.params_json = std::move(given.json);
  create.body_hash = sha256(message.dump());
  return create;
}

ContextMeasure context_measure(Fields& fields, const json& message, const ParseLimits& limits) {
  ContextMeasure measure;
  measure.draft = read_draft(fields, message, limits);
  measure.id = measure.draft.id;
  return measure;
}

ChatEdit chat_edit(Fields& fields, const ParseLimits& limits) {
  ChatEdit edit;
  edit.id = request_id(fields);
  edit.conversation = required_id<ConversationId>(fields, "conversation");
  edit.message = required_id<MessageId>(fields, "message");
  fields.require("content");
  edit.content = limited_text(fields, "content", limits.content_bytes);
  if (fields.ok() && edit.content.empty()) {
    fields.fail(ErrorCode::invalid_parameter, "content", "content must not be empty.");
  }
  edit.revision = revision(fields);
  return edit;
}

}  // namespace readers
}  // namespace hearth::server
