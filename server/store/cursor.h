// Page cursors: where the next page begins, as text that clients hand back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/error.h"
#include "server/session/ids.h"

namespace hearth::server {

// The last conversation of a page of a list that is ordered by (pinned, updated, id), all
// descending.
struct ListCursor {
  bool pinned = true;
  std::int64_t updated_ms = INT64_MAX;
  ConversationId id;  // the first page begins above every id: all bits set
};

ListCursor first_list_cursor();
std::string to_string(
    const ListCursor& cursor);  // "<16 hex digits>.<32 hex digits>", behind "p." if pinned
Result<ListCursor> parse_list_cursor(
    const std::string& text);  // "" is the first page. Errors: invalid_parameter

// What a message counts in a page beside its texts.
inline constexpr std::size_t kMessageOverheadBytes = 512;

// Messages after that many (memory) or after that row (SQLite). "" is 0.
Result<std::int64_t> parse_position_cursor(const std::string& text);

}  // namespace hearth::server
