// One error, the encoding its route speaks (reliability §2.8): OpenAI's object below /v1,
// Anthropic's below /v1/messages, Ollama's on its routes, RFC 9457 elsewhere.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "server/api/http.h"
#include "server/session/error_body.h"

namespace hearth::server {

// {"error": {"message", "type", "param", "code", …}}
nlohmann::ordered_json openai_error(const WireError& error);

// {"type": "error", "error": {"type", "message"}}
nlohmann::ordered_json anthropic_error(const WireError& error);

// status 0: the code's own.
HttpResponse error_response(std::string_view path, const WireError& error, int status = 0);

WireError wire_error(ErrorCode code, std::string detail, std::string param = {});

}  // namespace hearth::server
