#include "server/store/cursor.h"

#include <array>
#include <charconv>

namespace hearth::server {
namespace {

tl::unexpected<Error> refuse() {
  return fail(ErrorCode::invalid_parameter, "cursor must be the next of the page before.");
}

}  // namespace

ListCursor first_list_cursor() {
  ListCursor cursor;
  cursor.id.bytes.fill(0xff);
  return cursor;
}

std::string to_string(const ListCursor& cursor) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] =
        static_cast<std::uint8_t>(static_cast<std::uint64_t>(cursor.updated_ms) >> (56 - 8 * i));
  }
  return (cursor.pinned ? "p." : "") + to_hex(bytes) + "." + to_string(cursor.id);
}

Result<ListCursor> parse_list_cursor(const std::string& cursor) {
  if (cursor.empty()) return first_list_cursor();
  const bool pinned = cursor.starts_with("p.");
  const std::string text = pinned ? cursor.substr(2) : cursor;
  constexpr std::size_t kDigits = 16;
  std::array<std::uint8_t, 8> bytes{};
  if (text.size() < kDigits + 1 || text[kDigits] != '.') return refuse();
  if (!from_hex(std::string_view(text).substr(0, kDigits), bytes)) return refuse();
  const auto id = parse_id<ConversationId>(std::string_view(text).substr(kDigits + 1));
  if (!id) return refuse();
  std::uint64_t updated = 0;
  for (const std::uint8_t byte : bytes) updated = updated << 8U | byte;
  return ListCursor{pinned, static_cast<std::int64_t>(updated), *id};
}

Result<std::int64_t> parse_position_cursor(const std::string& text) {
  if (text.empty()) return 0;
  std::int64_t position = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (ec != std::errc{} || end != text.data() + text.size() || position < 0) return refuse();
  return position;
}

}  // namespace hearth::server
