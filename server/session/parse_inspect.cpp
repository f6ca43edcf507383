// What the inspector adds to chat.create (server/PROTOCOL.md §5).
#include <limits>

#include "server/session/parse_parts.h"

namespace hearth::server::readers {
namespace {

constexpr std::int64_t kPositionMax = std::int64_t{1} << 31U;

void refuse(Fields& fields, std::string detail) {
  fields.fail(ErrorCode::invalid_parameter, "branch", std::move(detail));
}

BranchWish read_branch(Fields& fields, const nlohmann::json& object) {
  BranchWish wish;
  if (!object.is_object()) {
    refuse(fields, "branch must be an object.");
    return wish;
  }
  Fields inner(object, "branch.");
  wish.message = parts::required_id<MessageId>(inner, "message");
  inner.require("at");
  wish.at = static_cast<std::size_t>(inner.integer("at", 0, kPositionMax).value_or(0));
  if (const auto token = inner.integer("token", 0, std::numeric_limits<TokenId>::max()))
    wish.token = static_cast<TokenId>(*token);
  if (!inner.ok()) fields.fail(inner.error()->code, inner.error()->param, inner.error()->detail);
  return wish;
}

}  // namespace

ChatStep chat_step(Fields& fields) {
  constexpr std::int64_t kTokensMax = 4096;
  ChatStep step;
  step.id = parts::request_id(fields);
  step.stream = parts::required_id<MessageId>(fields, "stream");
  step.num_tokens = fields.integer("tokens", 0, kTokensMax).value_or(1);
  if (const auto token = fields.integer("token", 0, std::numeric_limits<TokenId>::max()))
    step.token = static_cast<TokenId>(*token);
  return step;
}

void inspection(Fields& fields, ChatCreate& create) {
  create.inspect = fields.boolean("inspect").value_or(false);
  create.step = fields.boolean("step").value_or(false);
  const nlohmann::json* const branch = fields.find("branch");
  if (!branch) return;
  create.branch = read_branch(fields, *branch);
  if (!create.regenerate) refuse(fields, "branch goes with regenerate.");
}

}  // namespace hearth::server::readers
