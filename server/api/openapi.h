// GET /openapi.json: the HTTP APIs, described (OpenAPI 3.1).
#pragma once

#include "server/api/http.h"

namespace hearth::server {

const char* openapi_text();

Handler openapi_handler();

}  // namespace hearth::server
