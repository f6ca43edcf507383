// How much of a conversation is looked at for a prompt. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/session/records.h"

namespace hearth::server {

// Text of a conversation beyond which nothing can fit into a prompt of that context.
std::size_t history_bytes_max(std::int64_t context_length);

// Takes from the front what was not loaded, and what then would not begin with a user's message;
// gives the ids of both.
std::vector<MessageId> take_left_out(ConversationPath& path);

}  // namespace hearth::server
