// Bytes of an HTTP/1.1 response. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/api/http.h"

namespace hearth::server {

enum class BodyKind {
  whole,
  chunked,
  until_close,
  none
};  // none: HEAD, 204, 304; whole's length is still told for HEAD

struct HeadOptions {
  BodyKind body = BodyKind::whole;
  bool keep_alive = true;
  bool is_head_request = false;
  std::string_view request_id{};
  bool hsts = false;
};

// The status line and fields with the empty line. Header values with control characters are
// dropped, never sent.
std::string response_head(const HttpResponse& response, const HeadOptions& options);

// The fields that every response carries, besides its own.
std::vector<HttpHeader> security_headers();

std::string chunk(std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace hearth::server
