#include "server/api/cookies.h"

#include <algorithm>
#include <cctype>

namespace hearth::server {

std::string cookie_name(std::uint16_t port, bool is_tls) {
  return (is_tls ? "__Host-hearth_" : "hearth_") + std::to_string(port);
}

std::optional<std::string> cookie_value(const HttpRequest& request, std::string_view name) {
  std::string_view rest = request.header("cookie").value_or("");
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    std::string_view pair = rest.substr(0, end);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return std::string(pair.substr(name.size() + 1));
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return std::nullopt;
}

std::string identity_cookie(std::string_view name, std::string_view secret) {
  return std::string(name) + "=" + std::string(secret) +
         "; HttpOnly; SameSite=Strict; Path=/; Max-Age=34560000" +
         (name.starts_with("__Host-") ? "; Secure" : "");
}

std::string expired_cookie(std::string_view name) {
  return std::string(name) + "=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0" +
         (name.starts_with("__Host-") ? "; Secure" : "");
}

std::optional<std::string> bearer_token(const HttpRequest& request) {
  if (const auto key = request.header("x-api-key"); key && !request.header("authorization"))
    return std::string(*key);
  const std::string_view value = request.header("authorization").value_or("");
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size()) return std::nullopt;
  const bool is_bearer =
      std::equal(kScheme.begin(), kScheme.end(), value.begin(), [](char a, char b) {
        return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
      });
  if (!is_bearer) return std::nullopt;
  return std::string(value.substr(kScheme.size()));
}

}  // namespace hearth::server
