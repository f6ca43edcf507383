#include "server/net/router.h"

#include <algorithm>
#include <utility>

namespace hearth::server {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The rest of path behind the route's prefix, "" for an exact match.
std::optional<std::string_view> match(const Route& route, std::string_view path) {
  if (!route.path.ends_with('*'))
    return route.path == path ? std::optional<std::string_view>("") : std::nullopt;
  const std::string_view prefix = std::string_view(route.path).substr(0, route.path.size() - 1);
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return std::nullopt;
  return path.substr(prefix.size());
}

}  // namespace

std::optional<Target> parse_target(std::string_view target, std::size_t bytes_max) {
  if (target.empty() || target.size() > bytes_max || target.front() != '/') return std::nullopt;
  const auto is_bad = [](unsigned char c) {
    return c <= 0x20 || c >= 0x7f || c == '\\' || c == '#';
  };
  if (std::any_of(target.begin(), target.end(), is_bad)) return std::nullopt;
  const std::size_t mark = target.find('?');
  Target out{std::string(target.substr(0, mark)), {}};
  if (mark != std::string_view::npos) out.query = target.substr(mark + 1);
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    const int byte = high * 16 + low;
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match out;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : routes_) {
    const std::optional<std::string_view> tail = match(route, path);
    if (!tail) continue;
    const std::optional<std::string> decoded = percent_decoded(*tail);
    if (!decoded) continue;
    if (route.method == wanted) return {&route, *decoded, true, {}};
    out.is_known_path = true;
    out.allow += (out.allow.empty() ? "" : ", ") + route.method;
  }
  return out;
}

}  // namespace hearth::server
