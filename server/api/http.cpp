#include "server/api/http.h"

namespace hearth::server {

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

}  // namespace hearth::server
