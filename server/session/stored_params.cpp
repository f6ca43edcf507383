#include "server/session/stored_params.h"

#include <utility>

#include "server/session/strict_json.h"

namespace hearth::server {

GenerationParams stored_params(const std::string& json, std::int64_t max_tokens_limit) {
  const auto parsed = parse_strict_json(json);
  if (json.empty() || !parsed) return {};
  auto params = parse_generation_params(*parsed, "params.", max_tokens_limit);
  if (!params) return {};
  params->model.reset();
  return std::move(*params);
}

}  // namespace hearth::server
