#include "server/net/assets.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/api/errors.h"
#include "server/net/request_rules.h"

namespace hearth::server {
namespace {

std::string_view media_type(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTypes = {{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".json", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  for (const auto& [extension, type] : kTypes) {
    if (path.ends_with(extension)) return type;
  }
  return "application/octet-stream";
}

// "gzip" or "gzip;q=1", not "gzip;q=0".
bool takes_gzip(std::string_view accepted) {
  const std::size_t at = accepted.find("gzip");
  return at != std::string_view::npos && !accepted.substr(at).starts_with("gzip;q=0") &&
         !accepted.substr(at).starts_with("gzip; q=0");
}

}  // namespace

Assets::Assets(std::span<const EmbeddedFile> files) : files_(files) {}

HttpResponse Assets::respond(const HttpRequest& request, std::string_view path) const {
  if (path.empty()) path = "index.html";
  const auto file = std::find_if(files_.begin(), files_.end(),
                                 [&](const EmbeddedFile& f) { return f.path == path; });
  if (file == files_.end())
    return error_response(request.path, wire_error(ErrorCode::not_found, "There is no such page."));

  HttpResponse response;
  response.content_type = media_type(path);
  const std::string tag = '"' + std::string(file->etag) + '"';
  response.headers = {
      {"etag", tag},
      {"cache-control",
       path.starts_with("assets/") ? "public, max-age=31536000, immutable" : "no-cache"},
      {"vary", "Accept-Encoding"}};
  if (has_token(request.header("if-none-match").value_or(""), tag)) {
    response.status = 304;
    return response;
  }
  const bool compressed =
      !file->gzip.empty() && takes_gzip(request.header("accept-encoding").value_or(""));
  if (compressed) response.headers.push_back({"content-encoding", "gzip"});
  response.body = compressed ? file->gzip : file->content;
  return response;
}

}  // namespace hearth::server
