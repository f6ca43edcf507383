// What the routes of a person's own data have in common.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "server/api/http.h"
#include "server/session/error_body.h"

namespace hearth::server {

using RequestRef = std::shared_ptr<const HttpRequest>;
using ResponseRef = std::shared_ptr<ResponseWriter>;

// A page of another site may not even start a download: forbidden by what the browser says of it.
std::optional<WireError> refuse_other_sites(const HttpRequest& request);

void refuse(const RequestRef& request, const ResponseRef& response, const WireError& error);
void refuse(const RequestRef& request, const ResponseRef& response, const Error& error);
void answer(const ResponseRef& response, const nlohmann::ordered_json& body, int status = 200);

// The body as an object, an empty one standing for none. Nothing: it was refused.
std::optional<nlohmann::json> object_body(const RequestRef& request, const ResponseRef& response);

}  // namespace hearth::server
