// Cookie and Authorization fields. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/api/http.h"

namespace hearth::server {

// The name carries the port: cookies do not, and two servers on one machine would overwrite each
// other's. With TLS it has the prefix __Host-, which browsers let nothing else set.
std::string cookie_name(std::uint16_t port, bool is_tls = false);

std::optional<std::string> cookie_value(const HttpRequest& request, std::string_view name);

// Set-Cookie of an identity: HttpOnly, SameSite=Strict, for 400 days (browsers cap it there);
// Secure when the name says so.
std::string identity_cookie(std::string_view name, std::string_view secret);

// Takes it back.
std::string expired_cookie(std::string_view name);

// Of "Authorization: Bearer …"; without it, of x-api-key, which Anthropic's clients send.
std::optional<std::string> bearer_token(const HttpRequest& request);

}  // namespace hearth::server
