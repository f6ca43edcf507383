// What a request's head must look like before anything of its body is read (reliability R-25…R-28).
// Pure.
#pragma once

#include <cstddef>
#include <optional>

#include "server/api/http.h"
#include "server/session/error_body.h"

namespace hearth::server {

struct HeadFacts {
  int version = 11;  // 10 or 11
  bool wants_upgrade = false;
  bool has_body = false;
  bool is_chunked = false;
  std::optional<std::size_t> content_length;
  bool expects_continue = false;
  bool keep_alive = true;
};

struct HeadRefusal {
  WireError error;
  int status = 400;
};

// All header fields in `head.headers`, as they came. A refusal closes the connection.
std::optional<HeadRefusal> check_head(const HttpRequest& head, int version, HeadFacts& facts,
                                      std::size_t fields_max = 64);

// The body's size, kind and encoding against the route's bound. A refusal closes the connection:
// the body is not read.
std::optional<HeadRefusal> check_body(const HttpRequest& head, const HeadFacts& facts,
                                      std::size_t body_bytes_max);

// True when the comma-separated header holds the token, in any case.
bool has_token(std::string_view list, std::string_view token);

}  // namespace hearth::server
