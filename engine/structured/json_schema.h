// JSON Schema → grammar: the texts that the grammar reads are JSON that the schema accepts.
//
// Understood: type (also a list), properties, required, additionalProperties, items, prefixItems,
// minItems, maxItems, minLength, maxLength, enum, const, anyOf, oneOf (read as anyOf), allOf of
// one, $ref into the schema itself (recursion included), $defs. Annotations (title, description,
// default, examples, format, …) are passed over. What would need more than that (pattern, minimum,
// not, …) is refused by name: a reply that breaks the schema would be worse.
//
// Narrower than the schema, never wider: properties come in the schema's order; an object with
// properties has no others, even where it might; white space is at most a space, or a line's end
// with its indent; numbers have at most 15 digits.
//
// Bounds (reliability R-19): 32 KiB, depth 16, 10 000 states. Time is linear in the states, so the
// bound on them is the deadline.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/structured/grammar.h"

namespace hearth::engine {

inline constexpr std::size_t kSchemaBytesMax = 32 * 1024;
inline constexpr std::size_t kSchemaDepthMax = 16;

// Errors: invalid_parameter, one sentence with the place in the schema.
Result<std::shared_ptr<const Grammar>> compile_json_schema(const nlohmann::ordered_json& schema);

// Any JSON object.
std::shared_ptr<const Grammar> json_object_grammar();

// One of several texts: before, JSON that the schema accepts, behind. Errors: as above.
struct FramedSchema {
  std::string before;
  nlohmann::ordered_json schema;
  std::string behind;
};
Result<std::shared_ptr<const Grammar>> compile_framed_schemas(
    const std::vector<FramedSchema>& alternatives);

}  // namespace hearth::engine
