// POST /v1/responses, the common part: one stateless reply, whole or streamed, tools included.
#pragma once

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// A converter around the chat route: input and instructions become messages, the reply becomes
// output items. What needs a memory on the server (previous_response_id, conversation, background)
// is refused.
Handler responses_handler(Generations& generations);

}  // namespace hearth::server
