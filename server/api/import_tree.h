// A conversation as some program's file has it, made into one of ours. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "server/session/error_body.h"
#include "server/session/records.h"

namespace hearth::server {

struct ImportLimits {
  std::size_t content_bytes = 512 * 1024;
  std::size_t system_bytes = 16 * 1024;
  std::size_t title_chars = 200;
  std::size_t conversations = 1000;
  std::size_t messages = 10'000;              // of one conversation
  std::size_t text_bytes = 32 * 1024 * 1024;  // of one conversation, once messages are joined
};

// A node of the file's tree. One that is not kept is left out, and what hangs under it hangs under
// its parent.
struct ForeignMessage {
  std::string id{};
  std::string parent{};  // "" at the root
  bool is_kept = true;
  Role role = Role::user;
  std::string text{};
  std::int64_t created_ms = 0;
  bool edited = false;
  std::string model{};
  std::uint64_t seed = 0;
  std::string params_json{};
  EndReason reason = EndReason::stop;
};

struct ForeignConversation {
  std::string source{};  // what makes its id: the program and its own id
  std::string title{};
  std::string system{};
  std::string params_json{};
  bool pinned = false;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string head{};
  std::vector<ForeignMessage> messages{};
  std::map<std::string, std::int64_t> left_out{};  // what there is no place for, by kind
  std::optional<ConversationId> original{};
};

// Ids come from the owner, the source and the ids of the file: the same file gives the same ids,
// and no two users share one. Two messages of one role in a row become one. Errors:
// message_too_large, invalid_parameter; `param` names the part ("messages[4].content").
tl::expected<ConversationImport, WireError> make_import(const UserId& owner,
                                                        ForeignConversation foreign,
                                                        const ImportLimits& limits,
                                                        std::int64_t now_ms);

}  // namespace hearth::server
