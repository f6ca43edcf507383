// Any bytes as config.json: a spec whose sizes a decoder can work with, or an error. What is
// planned from a spec must not overflow.
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/check.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/placement.h"
#include "engine/checkpoint/rope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string json(reinterpret_cast<const char*>(data), size);
  const auto spec = hearth::engine::parse_model_spec(json, "fuzz");
  if (!spec) return 0;
  CHECK(spec->num_layers > 0);
  CHECK(spec->layers.size() == static_cast<std::size_t>(spec->num_layers));
  CHECK(spec->num_heads > 0);
  CHECK(spec->head_dim > 0);
  CHECK(spec->vocab_size > 0);
  CHECK(hearth::engine::kv_bytes_per_token(*spec, 4) >= 0);
  CHECK(hearth::engine::placement_sizes(*spec, true, 1).total() > 0);
  CHECK(hearth::engine::planned_context(*spec, 0) > 0);
  if (spec->rope.dim > 0) hearth::engine::make_rope_table(spec->rope, 4096);
  return 0;
}
