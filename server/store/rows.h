// The queries. Each is about one owner (reliability R-09); mistakes of the caller come back as
// values, the disk's throw StoreFailure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/session/protocol.h"
#include "server/session/records.h"
#include "server/session/trace_store.h"
#include "server/session/user.h"
#include "server/store/sqlite.h"

namespace hearth::server::rows {

// Written by the writer.
Result<void> create_user(Database& db, const User& user, const std::optional<Sha256>& credential,
                         std::int64_t now_ms);
Result<void> rename_user(Database& db, const UserId& owner, const std::string& name);
// quota_bytes: of the owner's messages; 0: no bound.
Result<void> begin_turn(Database& db, const NewTurn& turn, std::int64_t quota_bytes);
Result<void> checkpoint(Database& db, const UserId& owner, const MessageId& reply,
                        const ReplySoFar& so_far);
Result<void> finish_reply(Database& db, const UserId& owner, const MessageId& reply,
                          const ReplyEnd& end);

// What overwrites, hides and erases (rows_tree.cpp)
Result<Conversation> update(Database& db, const UserId& owner, const ConversationId& conversation,
                            const ConversationChange& change);
Result<std::int64_t> edit(Database& db, const UserId& owner, const ConversationId& conversation,
                          const MessageId& message, const std::string& content,
                          std::optional<std::int64_t> revision);
Result<void> set_head(Database& db, const UserId& owner, const ConversationId& conversation,
                      const MessageId& head);
Result<void> remove(Database& db, const UserId& owner, const ConversationId& conversation,
                    std::optional<std::int64_t> hide_ms);
Result<std::int64_t> clear(Database& db, const UserId& owner, std::optional<std::int64_t> hide_ms);
Result<std::vector<Conversation>> restore(Database& db, const UserId& owner,
                                          const std::optional<ConversationId>& conversation,
                                          std::int64_t hidden_since_ms);
Result<void> purge(Database& db, const PurgeBefore& before);

void unindex_user(Database& db, const UserId& owner);

// People (rows_people.cpp)
Result<void> add_credential(Database& db, const UserId& owner, const Credential& credential);
Result<std::vector<Credential>> list_keys(Database& db, const UserId& owner);
Result<void> remove_credential(Database& db, const UserId& owner, const Sha256& hash);
Result<void> remove_access(Database& db, const UserId& owner);
Result<void> erase_user(Database& db, const UserId& owner);

// Whole conversations (rows_transfer.cpp)
Result<ImportedConversation> import_conversation(Database& db, const UserId& owner,
                                                 const ConversationImport& import,
                                                 std::int64_t quota_bytes);

// What the owner has, bytes first; empty without such a user.
std::optional<std::int64_t> bytes_of_user(Database& db, const UserId& owner);
// When the owner has more than that, what waits to be erased goes at once. Errors: quota_exceeded.
Result<void> keep_quota(Database& db, const UserId& owner, std::int64_t quota_bytes);
Result<Usage> usage(Database& db, const UserId& owner, std::int64_t quota_bytes);

// Traces (rows_trace.cpp)
// bytes_max: of all odd places of the owner.
Result<void> save_trace(Database& db, const UserId& owner, const MessageId& message,
                        const std::vector<TraceBlob>& blobs, std::int64_t bytes_max);

// Asked of a reader.
Result<std::optional<User>> find_user(Database& db, const Sha256& credential, std::int64_t now_ms);
Result<std::optional<KnownRequest>> find_request(Database& db, const UserId& owner,
                                                 const std::string& client_id);
Result<ConversationPath> load_path(Database& db, const UserId& owner,
                                   const ConversationId& conversation, const ParentRef& parent,
                                   std::size_t text_bytes_max);
Result<FoundMessage> find_message(Database& db, const UserId& owner, const MessageId& id);
Result<std::vector<TokenId>> reply_ids(Database& db, const UserId& owner, const MessageId& id);
Result<SearchPage> search(Database& db, const UserId& owner, const std::string& query,
                          const std::string& cursor, int limit);  // rows_search.cpp
Result<ConversationPage> list(Database& db, const UserId& owner, const std::string& cursor,
                              int limit);
Result<MessagePage> load(Database& db, const UserId& owner, const ConversationId& conversation,
                         const std::string& cursor, std::size_t bytes_max);
Result<std::vector<TraceBlob>> load_trace(Database& db, const UserId& owner,
                                          const MessageId& message,
                                          const std::vector<std::int64_t>& places);

// Shared by the files
inline constexpr const char* kConversationColumns =
    "id, title, revision, head, pinned, system, params, created_ms, updated_ms";
Conversation read_conversation(const Statement& row);
// Not one that is hidden.
std::optional<Conversation> find_conversation(Database& db, const UserId& owner,
                                              const ConversationId& id);
void insert_conversation(Database& db, const UserId& owner, const Conversation& row);
tl::unexpected<Error> not_found();
tl::unexpected<Error> stale(std::int64_t revision);

}  // namespace hearth::server::rows
