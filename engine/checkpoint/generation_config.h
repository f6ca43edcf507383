// The folder's own wishes for generation: generation_config.json, or what config.json says where
// that file is missing (models §7.5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/sampling/sampling_overrides.h"

namespace hearth::engine {

struct GenerationConfig {
  SamplingOverrides
      sampling;  // only what the file says; transformers' defaults are resolve()'s business
  std::vector<TokenId> eos_token_ids;  // generation_config's first, then config's that it lacks
  std::vector<TokenId> bos_token_ids;
  std::optional<TokenId> pad_token_id;
  std::optional<std::int64_t> max_new_tokens;
  std::optional<std::int64_t> max_length;  // prompt and reply together; max_new_tokens wins
  bool from_file = false;                  // false: derived from config.json
  std::vector<std::string>
      warnings;  // keys that Hearth does not know or cannot honour, one sentence each
};

// Errors: folder_not_found, file_missing (no config.json either), config_invalid.
Result<GenerationConfig> load_generation_config(const std::filesystem::path& folder);

}  // namespace hearth::engine
