// The queries. Each is about one owner (reliability R-09); mistakes of the caller come back as
// values, the disk's throw StoreFailure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "server/session/protocol.h"
#include "server/session/records.h"
#include "server/session/user.h"
#include "server/store/sqlite.h"

namespace hearth::server::rows {

// --- written by the writer
// ---------------------------------------------------------------------------------------------
Result<void> create_user(Database& db, const User& user, const std::optional<Sha256>& credential,
                         std::int64_t now_ms);
Result<void> rename_user(Database& db, const UserId& owner, const std::string& name);
Result<void> begin_turn(Database& db, const NewTurn& turn);
Result<void> checkpoint(Database& db, const UserId& owner, const MessageId& reply,
                        const std::string& text, std::int64_t tokens);
Result<void> finish_reply(Database& db, const UserId& owner, const MessageId& reply,
                          const ReplyEnd& end);
Result<std::int64_t> rename(Database& db, const UserId& owner, const ConversationId& conversation,
                            const std::string& title, std::optional<std::int64_t> revision);
Result<void> remove(Database& db, const UserId& owner, const ConversationId& conversation);
Result<std::int64_t> clear(Database& db, const UserId& owner);
Result<void> purge_requests(Database& db, std::int64_t before_ms);

// --- asked of a reader
// --------------------------------------------------------------------------------------------------
Result<std::optional<User>> find_user(Database& db, const Sha256& credential);
Result<std::optional<KnownRequest>> find_request(Database& db, const UserId& owner,
                                                 const std::string& client_id);
Result<ConversationPath> load_path(Database& db, const UserId& owner,
                                   const ConversationId& conversation, const ParentRef& parent);
Result<FoundMessage> find_message(Database& db, const UserId& owner, const MessageId& id);
Result<ConversationPage> list(Database& db, const UserId& owner, const std::string& cursor,
                              int limit);
Result<MessagePage> load(Database& db, const UserId& owner, const ConversationId& conversation,
                         const std::string& cursor, std::size_t bytes_max);

}  // namespace hearth::server::rows
