// Search: titles first, then messages by rank.
#include <unordered_set>
#include <utility>

#include "server/store/cursor.h"
#include "server/store/row_values.h"
#include "server/store/rows.h"
#include "server/store/words.h"

namespace hearth::server::rows {
namespace {

constexpr std::int64_t kHitsMax = 1000;  // of one query, over all pages

// A user has at most some thousand titles; they are looked through.
void search_titles(Database& db, const UserId& owner, const SearchQuery& query,
                   std::vector<SearchHit>& hits) {
  Statement row = db.query(
      "SELECT id, title, revision, head, pinned, system, params, created_ms, updated_ms "
      "FROM conversation WHERE user = ? AND deleted_ms IS NULL ORDER BY updated_ms DESC, id DESC",
      owner);
  while (row.step()) {
    Conversation conversation = read_conversation(row);
    if (!query.matches(words_of(conversation.title))) continue;
    auto snippet = query.snippet(conversation.title);
    hits.push_back({.conversation = std::move(conversation), .snippet = std::move(snippet)});
  }
}

struct Match {
  ConversationId conversation;
  MessageId message;
};

std::vector<Match> search_messages(Database& db, const UserId& owner, const SearchQuery& query) {
  Statement row = db.query(
      "SELECT message.conversation, message.id FROM message_fts "
      "JOIN message ON message.rid = message_fts.rowid "
      "JOIN conversation ON conversation.user = message.user AND "
      "conversation.id = message.conversation "
      "WHERE message_fts MATCH ? AND message.user = ? AND conversation.deleted_ms IS NULL "
      "ORDER BY rank, message.rid DESC LIMIT ?",
      query.match(owner), owner, kHitsMax);
  std::vector<Match> found;
  while (row.step()) found.push_back({row.id<ConversationId>(0), row.id<MessageId>(1)});
  return found;
}

std::optional<SearchHit> describe(Database& db, const UserId& owner, const SearchQuery& query,
                                  const Match& match) {
  auto conversation = find_conversation(db, owner, match.conversation);
  Statement row =
      db.query("SELECT role, created_ms, content FROM message WHERE user = ? AND id = ?", owner,
               match.message);
  if (!conversation || !row.step()) return std::nullopt;
  return SearchHit{.conversation = std::move(*conversation),
                   .message = match.message,
                   .role = role_of(row.text(0)),
                   .created_ms = row.integer(1),
                   .snippet = query.snippet(row.text(2))};
}

}  // namespace

Result<SearchPage> search(Database& db, const UserId& owner, const std::string& text,
                          const std::string& cursor, int limit) {
  const auto skip = parse_position_cursor(cursor);
  if (!skip) return tl::unexpected(skip.error());
  const auto query = SearchQuery::parse(text);
  if (!query) return tl::unexpected(query.error());
  std::vector<SearchHit> titles;
  search_titles(db, owner, *query, titles);
  const std::vector<Match> matches = search_messages(db, owner, *query);
  const auto from = static_cast<std::size_t>(*skip);
  const std::size_t all = titles.size() + matches.size();
  const std::size_t to = std::min(all, from + static_cast<std::size_t>(limit));
  SearchPage page;
  for (std::size_t i = from; i < to; ++i) {
    if (i < titles.size()) {
      page.hits.push_back(std::move(titles[i]));
    } else if (auto hit = describe(db, owner, *query, matches[i - titles.size()])) {
      page.hits.push_back(std::move(*hit));
    }
  }
  if (to < all) page.next = std::to_string(to);
  return page;
}

}  // namespace hearth::server::rows
