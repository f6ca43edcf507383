// What structured output costs: compiling a schema, the first mask of a place in it, and a mask
// that is known. The vocabulary is a model folder's, its first argument.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/structured/grammar_constraint.h"
#include "engine/structured/json_schema.h"
#include "engine/text/tokenizer.h"
#include "server/api/token_bytes.h"

namespace {

using hearth::TokenId;
using Clock = std::chrono::steady_clock;

constexpr const char* kSchema = R"({"type": "object", "required": ["name", "tags", "address"],
  "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
    "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "maxItems": 5},
    "address": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}}}})";
constexpr const char* kReply =
    R"({"name": "Ada Lovelace", "age": 36, "tags": ["red", "blue"], "address": {"city": "London", "zip": "W1"}})";

double us(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "configs/models/demo";
  const auto tokenizer = hearth::engine::Tokenizer::load(folder);
  if (!tokenizer) {
    std::fprintf(stderr, "structured_bench: %s\n", tokenizer.error().detail.c_str());
    return 1;
  }
  auto begin = Clock::now();
  const auto tree = std::make_shared<const hearth::engine::TokenTree>(
      hearth::server::bytes_of_vocabulary(**tokenizer));
  const double tree_us = us(Clock::now() - begin);
  begin = Clock::now();
  const auto grammar = hearth::engine::compile_json_schema(nlohmann::ordered_json::parse(kSchema));
  const double compile_us = us(Clock::now() - begin);
  const auto automaton = std::make_shared<hearth::engine::GrammarAutomaton>(*grammar, tree);
  const std::vector<TokenId> reply = (*tokenizer)->encode(kReply).value();
  std::vector<float> scores(tree->num_ids());
  std::printf("vocabulary %zu, tree of %zu nodes in %.0f us (once for each model)\n",
              tree->num_ids(), tree->nodes().size(), tree_us);
  std::printf("schema of %zu states compiled in %.0f us\n", (*grammar)->states.size(), compile_us);
  for (const char* const what : {"first reply", "second reply"}) {
    hearth::engine::GrammarConstraint constraint(automaton, {0});
    double total = 0.0;
    double worst = 0.0;
    for (const TokenId id : reply) {
      std::fill(scores.begin(), scores.end(), 0.0F);
      begin = Clock::now();
      constraint.mask(scores);
      const double cost = us(Clock::now() - begin);
      if (!(scores[static_cast<std::size_t>(id)] == 0.0F)) return 1;  // the reply fits the schema
      constraint.accept(id);
      total += cost;
      worst = std::max(worst, cost);
    }
    std::printf("%s: %.1f us a token, at most %.0f us, over %zu tokens\n", what,
                total / static_cast<double>(reply.size()), worst, reply.size());
  }
  std::printf("%zu sets\n", automaton->num_sets());
  return 0;
}
