// The page, from memory: built into the binary, compressed at build time. No file system at request
// time.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/api/http.h"

namespace hearth::server {

// One file as cmake/EmbedAssets.cmake writes it. Views of static memory.
struct EmbeddedFile {
  std::string_view path;  // "index.html", "assets/hearth-42J4WUD7.js"
  std::string_view content;
  std::string_view gzip;  // empty where it would not be smaller
  std::string_view etag;  // hash of the content
};

// Immutable; any thread.
class Assets {
 public:
  explicit Assets(std::span<const EmbeddedFile> files);

  // "" is index.html. 304 when the client has it; gzip when it takes it. A name below assets/
  // carries a hash of its content and is kept for ever; everything else is asked for again.
  // Unknown: 404.
  HttpResponse respond(const HttpRequest& request, std::string_view path) const;

  bool empty() const { return files_.empty(); }
  std::span<const EmbeddedFile> files() const { return files_; }

 private:
  std::span<const EmbeddedFile> files_;
};

// The page that web/ built.
std::span<const EmbeddedFile> embedded_page();

}  // namespace hearth::server
