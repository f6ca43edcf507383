// POST /conversation/: {"query": "…"} → {"response": "…"}, one turn without history.
#pragma once

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// Settings may come with the query, under OpenAI's names; without any the reply is greedy and at
// most 1024 tokens long. The words exit and quit are answered with a farewell, without the model.
Handler conversation_handler(Generations& generations);

}  // namespace hearth::server
