// What several messages' readers share. Private to the parser (parse*.cpp).
#pragma once

#include <string>

#include "server/session/fields.h"
#include "server/session/protocol.h"

namespace hearth::server::parts {

bool is_request_id(std::string_view id);
std::string request_id(Fields& fields);  // required

template <class IdType>
IdType required_id(Fields& fields, const char* name) {
  fields.require(name);
  return fields.id<IdType>(name).value_or(IdType{});
}

// A count of tokens.
std::size_t position(Fields& fields, const char* name);

// A text of people: too long has its own code.
std::string limited_text(Fields& fields, const char* name, std::size_t bytes_max);

// 1 … chars_max characters, none of them a control character.
std::string title(Fields& fields, std::size_t chars_max);

std::optional<std::int64_t> revision(Fields& fields);

// `params`, checked, and as it was sent; "" without it.
struct Params {
  std::optional<GenerationParams> values{};
  std::string json{};
};
Params params(Fields& fields, std::int64_t max_tokens_limit);

}  // namespace hearth::server::parts

namespace hearth::server::readers {

Hello hello(Fields& fields);

ChatStep chat_step(Fields& fields);

// `inspect`, `step` and `branch`; after `regenerate` is known.
void inspection(Fields& fields, ChatCreate& create);

// What asks for a reply, or for its price (parse_chat.cpp).
ChatCreate chat_create(Fields& fields, const nlohmann::json& message, const ParseLimits& limits);
ChatCreate chat_continue(Fields& fields, const nlohmann::json& message, const ParseLimits& limits);
ContextMeasure context_measure(Fields& fields, const nlohmann::json& message,
                               const ParseLimits& limits);
ChatEdit chat_edit(Fields& fields, const ParseLimits& limits);

// What shows and changes conversations (parse_history.cpp).
HistoryList history_list(Fields& fields);
HistoryGet history_get(Fields& fields);
HistoryRename history_rename(Fields& fields, const ParseLimits& limits);
HistoryDelete history_delete(Fields& fields);
HistoryClear history_clear(Fields& fields);
HistoryRestore history_restore(Fields& fields);
HistorySearch history_search(Fields& fields);
ConversationUpdate conversation_update(Fields& fields, const ParseLimits& limits);
ConversationHead conversation_head(Fields& fields);

}  // namespace hearth::server::readers
