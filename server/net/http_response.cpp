#include "server/net/http_response.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace hearth::server {
namespace {

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), length};
}

void add(std::string& out, std::string_view name, std::string_view value) {
  if (std::any_of(value.begin(), value.end(),
                  [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return;
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::vector<HttpHeader> security_headers() {
  return {{"content-security-policy",
           "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
           "style-src 'self'; font-src 'self'; "
           "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
           "require-trusted-types-for 'script'; trusted-types dompurify"},
          {"x-content-type-options", "nosniff"},
          {"referrer-policy", "no-referrer"},
          {"cross-origin-resource-policy", "same-origin"}};
}

std::string response_head(const HttpResponse& response, const HeadOptions& options) {
  std::string out =
      "HTTP/1.1 " + std::to_string(response.status) + " " + reason(response.status) + "\r\n";
  add(out, "date", http_date());
  if (options.body == BodyKind::chunked) add(out, "transfer-encoding", "chunked");
  if (options.body == BodyKind::whole || options.is_head_request)
    add(out, "content-length", std::to_string(response.body.size()));
  if (options.body != BodyKind::none || options.is_head_request)
    add(out, "content-type", response.content_type);
  for (const HttpHeader& header : response.headers) add(out, header.name, header.value);
  const auto has = [&](std::string_view name) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [&](const HttpHeader& h) { return h.name == name; });
  };
  if (!has("cache-control")) add(out, "cache-control", "no-store");
  for (const HttpHeader& header : security_headers()) add(out, header.name, header.value);
  if (options.hsts) add(out, "strict-transport-security", "max-age=31536000");
  if (!options.request_id.empty()) add(out, "x-request-id", options.request_id);
  add(out, "connection", options.keep_alive ? "keep-alive" : "close");
  return out + "\r\n";
}

std::string chunk(std::string_view data) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string size;
  for (std::size_t n = data.size(); n != 0; n /= 16) size.insert(size.begin(), kHex[n % 16]);
  return size + "\r\n" + std::string(data) + "\r\n";
}

}  // namespace hearth::server
