// POST /classify: texts to the probabilities of a classifier's classes.
#pragma once

#include "server/api/body_fields.h"
#include "server/api/generation.h"
#include "server/api/http.h"

namespace hearth::server {

// input: a text, {"text", "text_pair"}, or a list of at most 256 of either.
Parsed<GenerationSpec> parse_classify(std::string_view body);

// Softmax, or a sigmoid of each where several labels may hold; the scores themselves of a
// regression. Pure; not empty.
std::vector<double> class_probabilities(const std::vector<float>& scores, engine::ScoreKind kind);

// {"data": [{"index", "label", "probs", "logits", "num_classes"}…], …}, as vLLM writes it. Errors:
// not_supported. `generations` outlives the handler.
Handler classify_handler(Generations& generations);

}  // namespace hearth::server
