// The query of a GET: what is behind '?'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/session/error_body.h"

namespace hearth::server {

// Each reader gives the field's value, or the default when it is absent. The first thing that is
// wrong is remembered; names nobody asked for are ignored.
class QueryFields {
 public:
  explicit QueryFields(std::string_view query);

  std::int64_t integer(std::string_view name, std::int64_t low, std::int64_t high,
                       std::int64_t otherwise);
  std::string text(std::string_view name, std::size_t bytes_max);

  const std::optional<WireError>& error() const { return error_; }

 private:
  const std::string* find(std::string_view name) const;
  void fail(std::string_view name, std::string detail);

  std::vector<std::pair<std::string, std::string>> fields_;
  std::optional<WireError> error_;
};

}  // namespace hearth::server
