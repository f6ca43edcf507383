// JSON from people we do not know: bounded depth, no duplicate keys, no exceptions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace hearth::server {

inline constexpr std::size_t kJsonDepthMax =
    128;  // of anything; what people send is bounded by limits.json_depth

struct JsonFailure {
  std::string detail;      // one sentence
  std::string number_at;   // not empty: the text is JSON, but the number at this path
                           // ("params.top_p") is no finite double
  nlohmann::json partial;  // what was read before a bad number; null otherwise
};

// The size is the caller's to bound; time and memory are linear in it.
tl::expected<nlohmann::json, JsonFailure> parse_strict_json(std::string_view text,
                                                            std::size_t depth_max = kJsonDepthMax);

// Brackets outside strings are open deeper than that, whether or not the text is JSON.
bool is_nested_deeper(std::string_view text, std::size_t depth_max);

}  // namespace hearth::server
