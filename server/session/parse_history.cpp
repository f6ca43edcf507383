// Readers of what shows and changes conversations.
#include <algorithm>

#include "server/session/parse_parts.h"

namespace hearth::server::readers {
namespace {

using namespace parts;

constexpr std::size_t kCursorBytes = 128;
constexpr std::size_t kQueryChars = 200;

std::string cursor(Fields& fields) { return fields.text("cursor", 0, kCursorBytes).value_or(""); }

int limit(Fields& fields) { return static_cast<int>(fields.integer("limit", 1, 100).value_or(50)); }

ConversationId conversation(Fields& fields) {
  return required_id<ConversationId>(fields, "conversation");
}

}  // namespace

HistoryList history_list(Fields& fields) {
  std::string id = request_id(fields);
  std::string from = cursor(fields);
  return {std::move(id), std::move(from), limit(fields)};
}

HistoryGet history_get(Fields& fields) {
  std::string id = request_id(fields);
  const ConversationId of = conversation(fields);
  return {std::move(id), of, cursor(fields)};
}

HistoryRename history_rename(Fields& fields, const ParseLimits& limits) {
  HistoryRename rename;
  rename.id = request_id(fields);
  rename.conversation = conversation(fields);
  fields.require("title");
  rename.title = title(fields, limits.title_chars);
  rename.revision = revision(fields);
  return rename;
}

HistoryDelete history_delete(Fields& fields) {
  std::string id = request_id(fields);
  const ConversationId of = conversation(fields);
  return {std::move(id), of, fields.boolean("forever").value_or(false)};
}

HistoryClear history_clear(Fields& fields) {
  std::string id = request_id(fields);
  return {std::move(id), fields.boolean("forever").value_or(false)};
}

HistoryRestore history_restore(Fields& fields) {
  std::string id = request_id(fields);
  return {std::move(id), fields.id<ConversationId>("conversation")};
}

HistorySearch history_search(Fields& fields) {
  HistorySearch search;
  search.id = request_id(fields);
  fields.require("query");
  search.query = fields.text("query", 1, kQueryChars * 4).value_or("");
  const auto num_chars = std::count_if(search.query.begin(), search.query.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  });
  if (static_cast<std::size_t>(num_chars) > kQueryChars) {
    fields.fail(ErrorCode::invalid_parameter, "query", "query may have at most 200 characters.");
  }
  search.cursor = cursor(fields);
  search.limit = limit(fields);
  return search;
}

ConversationUpdate conversation_update(Fields& fields, const ParseLimits& limits) {
  ConversationUpdate update;
  update.id = request_id(fields);
  update.conversation = conversation(fields);
  if (fields.has("title")) update.title = title(fields, limits.title_chars);
  update.pinned = fields.boolean("pinned");
  if (fields.has("system")) update.system = limited_text(fields, "system", limits.system_bytes);
  Params given = params(fields, limits.max_tokens);
  if (given.values) update.params_json = std::move(given.json);
  update.revision = revision(fields);
  if (!update.title && !update.pinned && !update.system && !update.params_json) {
    fields.fail(ErrorCode::invalid_message, "",
                "One of title, pinned, system and params is needed.");
  }
  return update;
}

ConversationHead conversation_head(Fields& fields) {
  std::string id = request_id(fields);
  const ConversationId of = conversation(fields);
  return {std::move(id), of, required_id<MessageId>(fields, "head")};
}

}  // namespace hearth::server::readers
