// Ollama's shapes of chat, generate and the list of models, for the programs that speak nothing
// else.
#pragma once

#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// Streams lines of JSON unless stream is false; format: "json" or a schema.
Handler ollama_chat_handler(Generations& generations);
Handler ollama_generate_handler(Generations& generations);
Handler ollama_tags_handler(Generations& generations);

}  // namespace hearth::server
