#include "server/session/prompt_history.h"

#include <algorithm>

namespace hearth::server {

std::size_t history_bytes_max(std::int64_t context_length) {
  constexpr std::int64_t kBytesPerToken = 64;  // more than any text has on the average
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(context_length * kBytesPerToken, 64 * 1024, 1024 * 1024));
}

std::vector<MessageId> take_left_out(ConversationPath& path) {
  std::size_t num_gone = path.num_left_out;
  if (num_gone == 0) return {};
  while (num_gone < path.messages.size() && path.messages[num_gone].role != Role::user) ++num_gone;
  std::vector<MessageId> ids;
  for (std::size_t i = 0; i < num_gone; ++i) ids.push_back(path.messages[i].id);
  path.messages.erase(path.messages.begin(),
                      path.messages.begin() + static_cast<std::ptrdiff_t>(num_gone));
  return ids;
}

}  // namespace hearth::server
