// POST /v1/embeddings: texts, or token ids, to vectors.
#pragma once

#include "server/api/body_fields.h"
#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

struct EmbeddingRequest {
  GenerationSpec spec;  // its output is not known yet: it is the model's
  bool is_base64 = false;
  std::optional<std::int64_t> dimensions;
};

// input: a text, a list of texts, token ids, or a list of lists of ids; at most 256.
Parsed<EmbeddingRequest> parse_embedding(std::string_view body);

// The first `dimensions` numbers, of length 1 where the model's vectors are. Pure.
std::vector<float> shape_embedding(const std::vector<float>& values, bool is_normalized,
                                   std::optional<std::int64_t> dimensions);

// `generations` outlives the handler.
Handler embeddings_handler(Generations& generations);

}  // namespace hearth::server
