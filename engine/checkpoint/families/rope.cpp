// config.json's rope settings, in the spellings of transformers 4 and 5 (models §1, §3).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

struct RopeDefaults {
  double theta = 10000.0;
  double partial_rotary_factor = 1.0;
  std::int64_t original_max_position = 0;  // 0: not at the top level
};

bool read_kind(ConfigReader& rope, RopeKind& kind) {
  const std::string_view key = rope.has("rope_type") ? "rope_type" : "type";
  const std::string name = rope.text(key, "default");
  if (name == "default")
    kind = RopeKind::standard;
  else if (name == "linear")
    kind = RopeKind::linear;
  else if (name == "llama3")
    kind = RopeKind::llama3;
  else if (name == "yarn")
    kind = RopeKind::yarn;
  else if (name == "longrope" || name == "su")
    kind = RopeKind::longrope;
  else {
    rope.refuse(ErrorCode::architecture_unsupported,
                rope.where() + ": rope type \"" + name.substr(0, 80) +
                    "\" is not supported; supported are default, linear, llama3, yarn, longrope.");
    return false;
  }
  return true;
}

void read_longrope(ConfigReader& rope, RopeSpec& spec) {
  spec.short_factor = rope.numbers("short_factor");
  spec.long_factor = rope.numbers("long_factor");
  for (const char* key : {"short_factor", "long_factor"}) {
    const auto& list =
        std::string_view(key) == "short_factor" ? spec.short_factor : spec.long_factor;
    const bool positive = std::all_of(list.begin(), list.end(), [](double f) { return f > 0.0; });
    if (!positive || list.size() != static_cast<std::size_t>(spec.dim / 2)) {
      rope.report(key, "a list of " + std::to_string(spec.dim / 2) + " positive numbers");
    }
  }
}

// `rope` is rope_parameters or rope_scaling.
RopeSpec read_rope(ConfigReader& rope, const ModelSpec& model, const RopeDefaults& defaults) {
  RopeSpec spec;
  if (!read_kind(rope, spec.kind)) return spec;
  spec.theta = rope.number("rope_theta", defaults.theta, 1.000001, 1e18);
  const double share =
      rope.number("partial_rotary_factor", defaults.partial_rotary_factor, 0.0, 1.0);
  spec.dim = static_cast<std::int64_t>(static_cast<double>(model.head_dim) * share);
  if (spec.dim < 2 || spec.dim % 2 != 0) {
    rope.refuse(ErrorCode::config_invalid, rope.where() + ": " + std::to_string(spec.dim) +
                                               " rotated channels of a head; must be even.");
    spec.dim = 2;
  }
  const std::int64_t original =
      defaults.original_max_position > 0 ? defaults.original_max_position : model.context_length;
  spec.original_max_position = rope.integer("original_max_position_embeddings", original);
  // The explicit factor wins, as in transformers 5; 4.55 silently replaced it by this ratio (models
  // §3.4).
  const double ratio =
      static_cast<double>(model.context_length) / static_cast<double>(spec.original_max_position);
  const bool has_ratio = spec.kind == RopeKind::yarn || spec.kind == RopeKind::longrope;
  spec.factor = rope.number("factor", has_ratio ? ratio : 1.0, 1e-6, 1e9);
  spec.low_freq_factor = rope.number("low_freq_factor", 1.0, 1e-6, 1e9);
  spec.high_freq_factor = rope.number("high_freq_factor", 4.0, 1e-6, 1e9);
  if (spec.kind == RopeKind::llama3 && spec.high_freq_factor <= spec.low_freq_factor) {
    rope.report("high_freq_factor", "larger than low_freq_factor");
  }
  spec.beta_fast = rope.number("beta_fast", 32.0, 1e-6, 1e9);
  spec.beta_slow = rope.number("beta_slow", 1.0, 1e-6, 1e9);
  spec.truncate = rope.boolean("truncate", true);
  spec.attention_factor = rope.optional_number("attention_factor");
  spec.mscale = rope.optional_number("mscale");
  spec.mscale_all_dim = rope.optional_number("mscale_all_dim");
  if (spec.kind == RopeKind::longrope) read_longrope(rope, spec);
  return spec;
}

// rope_parameters by layer type: one for the layers that see all, one for those with a window.
void read_nested(ConfigReader& parameters, ModelSpec& spec, const RopeDefaults& defaults) {
  if (auto full = parameters.object("full_attention")) {
    spec.rope = read_rope(*full, spec, defaults);
    parameters.adopt(*full);
  }
  if (auto sliding = parameters.object("sliding_attention")) {
    spec.local_rope = read_rope(*sliding, spec, defaults);
    parameters.adopt(*sliding);
  }
}

}  // namespace

void describe_rope(ConfigReader& config, ModelSpec& spec, double default_theta) {
  RopeDefaults defaults;
  defaults.theta = config.number("rope_theta", default_theta, 1.000001, 1e18);
  defaults.partial_rotary_factor = config.number("partial_rotary_factor", 1.0, 0.0, 1.0);
  defaults.original_max_position = config.integer("original_max_position_embeddings", 0);
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    auto parameters = config.object(key);
    if (!parameters) continue;
    if (parameters->has("full_attention") || parameters->has("sliding_attention")) {
      read_nested(*parameters, spec, defaults);
    } else {
      spec.rope = read_rope(*parameters, spec, defaults);
    }
    config.adopt(*parameters);
    return;
  }
  auto none = ConfigReader::parse("{}", config.where());
  spec.rope = read_rope(*none, spec, defaults);
  config.adopt(*none);
}

}  // namespace hearth::engine
