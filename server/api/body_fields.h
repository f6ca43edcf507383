// What the bodies of all generating routes have in common, checked. Pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "server/api/generation.h"
#include "server/session/error_body.h"

namespace hearth::server {

template <class T>
using Parsed = tl::expected<T, WireError>;

tl::unexpected<WireError> invalid(std::string param, std::string detail);

// A JSON object, twice: `checked` with sorted keys and without those whose value is null, `ordered`
// as it was sent (schemas and what templates print keep their order).
struct Body {
  nlohmann::json checked;
  nlohmann::ordered_json ordered;
};
Parsed<Body> parse_body(std::string_view text);

// The names, sampling, lengths, stops, seed, logit_bias, ignore_eos, stop_token_ids, n; also vLLM's
// names. Limits of reliability R-14: what is out of range is refused, but max_tokens is cut,
// because clients send their model's largest number.
Parsed<void> read_generation(const nlohmann::json& body, std::int64_t max_tokens_limit,
                             GenerationSpec& spec, std::int64_t max_tokens_min = 1);

// "model" and "user".
Parsed<void> read_names(const nlohmann::json& body, GenerationSpec& spec);

// Token ids as an array of whole numbers.
Parsed<std::vector<TokenId>> read_ids(const nlohmann::json& value, const std::string& param);

}  // namespace hearth::server
