// POST /v1/messages, Anthropic's shape of a chat: one stateless reply, whole or streamed, tools
// included.
#pragma once

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// A converter around the chat route: blocks become messages, the reply becomes blocks.
Handler messages_handler(Generations& generations);

// POST /v1/messages/count_tokens: {"input_tokens"} of the same body.
Handler count_tokens_handler(Generations& generations);

}  // namespace hearth::server
