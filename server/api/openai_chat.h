// POST /v1/chat/completions, whole and streamed (features §1.4, "Contract to implement").
#pragma once

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// `generations` outlives the handler. A client that goes away cancels its reply.
Handler chat_completions_handler(Generations& generations);

}  // namespace hearth::server
