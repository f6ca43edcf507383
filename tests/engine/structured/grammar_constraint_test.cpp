// Tokens held to a grammar.
#include "engine/structured/grammar_constraint.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/sampling/sampler.h"
#include "engine/structured/json_schema.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

constexpr TokenId kEnd = 0;

// The end mark, all bytes, and tokens that reach over the seams of JSON.
std::shared_ptr<const TokenTree> tokens() {
  std::vector<std::string> bytes{""};
  for (int byte = 0; byte < 256; ++byte) bytes.emplace_back(1, static_cast<char>(byte));
  for (const char* const text :
       {"{\"", "\": ", "\", \"", "\"}", "}}", "name", "\": \"", "true", "12", "你", "name", "],"})
    bytes.emplace_back(text);
  return std::make_shared<const TokenTree>(std::move(bytes));
}

std::shared_ptr<GrammarAutomaton> automaton(const char* schema) {
  return std::make_shared<GrammarAutomaton>(*compile_json_schema(ordered_json::parse(schema)),
                                            tokens());
}

std::vector<TokenId> allowed(GrammarConstraint& constraint) {
  std::vector<float> scores(tokens()->num_ids() + 3, 1.0F);
  constraint.mask(scores);
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == 1.0F) ids.push_back(static_cast<TokenId>(i));
  }
  return ids;
}

bool contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

constexpr const char* kPerson =
    R"({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}})";

TEST(GrammarConstraint, TokensAreAllowedByAllTheirBytes) {
  GrammarConstraint constraint(automaton(kPerson), {kEnd});
  const std::vector<TokenId> first = allowed(constraint);
  EXPECT_EQ(first.size(), 2U);  // { and {"
  EXPECT_TRUE(contains(first, 257));
  constraint.accept(257);
  const std::vector<TokenId> second = allowed(constraint);
  EXPECT_EQ(second.size(), 3U);  // n, and name twice
  EXPECT_TRUE(contains(second, 262));
  EXPECT_TRUE(contains(second, 267));
}

TEST(GrammarConstraint, TheEndMarkIsAllowedWhereTheTextIsWhole) {
  GrammarConstraint constraint(automaton(R"({"type": "integer"})"), {kEnd});
  EXPECT_FALSE(contains(allowed(constraint), kEnd));
  constraint.accept(1 + '1');
  EXPECT_TRUE(contains(allowed(constraint), kEnd));
  EXPECT_FALSE(constraint.is_complete());  // more digits may come
  GrammarConstraint object(automaton(R"({"const": 1})"), {kEnd});
  object.accept(1 + '1');
  EXPECT_TRUE(object.is_complete());
}

TEST(GrammarConstraint, IdsOutsideTheTreeAreBanned) {
  GrammarConstraint constraint(automaton(R"({"type": "string"})"), {kEnd});
  for (const TokenId id : allowed(constraint)) EXPECT_LT(id, 269);
}

// Whatever is drawn, the text is JSON of the schema: here by chance, with a generator of its own.
TEST(GrammarConstraint, AnyPathThroughTheMasksIsJsonOfTheSchema) {
  const auto shared = automaton(
      R"({"type": "object", "required": ["name", "tags"], "properties": {"name": {"type": "string", "maxLength": 12},
      "tags": {"type": "array", "items": {"enum": ["你好", "x"]}, "maxItems": 3}, "inner": {"type": ["null", "number"]}}})");
  std::mt19937 random(42);
  for (int round = 0; round < 200; ++round) {
    GrammarConstraint constraint(shared, {kEnd});
    std::string text;
    for (int step = 0; step < 400 && !constraint.is_complete(); ++step) {
      const std::vector<TokenId> ids = allowed(constraint);
      ASSERT_FALSE(ids.empty()) << text;
      const TokenId id = ids[random() % ids.size()];
      if (id == kEnd) break;
      text += shared->tree()->bytes(id);
      constraint.accept(id);
    }
    const ordered_json value = ordered_json::parse(text, nullptr, false);
    ASSERT_FALSE(value.is_discarded()) << text;
    ASSERT_TRUE(value["name"].is_string()) << text;
    ASSERT_LE(value["tags"].size(), 3U) << text;
    for (const auto& tag : value["tags"]) ASSERT_TRUE(tag == "你好" || tag == "x") << text;
  }
}

TEST(GrammarConstraint, TheSamplerDrawsOnlyWhatIsAllowed) {
  GrammarConstraint constraint(automaton(R"({"enum": ["b", "a"]})"), {kEnd});
  constraint.accept(1 + '"');
  std::vector<float> logits(tokens()->num_ids(), 0.0F);
  logits[1 + 'x'] = 9.0F;
  logits[1 + 'a'] = 1.0F;
  const std::vector<TokenId> ids{1};
  Sampler sampler;
  SampleInput input;
  input.logits = logits;
  input.ids = ids;
  input.num_prompt = 1;
  EXPECT_EQ(sampler.sample({}, input)->id, 1 + 'x');
  input.constraint = &constraint;
  const auto token = sampler.sample({}, input);
  EXPECT_EQ(token->id, 1 + 'a');
  EXPECT_LT(token->logprob, -8.0F);  // of the model's own distribution, not of what was left of it
  input.forced = 1 + 'x';
  EXPECT_EQ(sampler.sample({}, input)->id, 1 + 'x');
}

TEST(GrammarConstraint, SharedMasksAreMadeOnce) {
  const auto shared = automaton(kPerson);
  GrammarConstraint first(shared, {kEnd});
  allowed(first);
  const std::size_t num_sets = shared->num_sets();
  GrammarConstraint second(shared, {kEnd});
  allowed(second);
  EXPECT_EQ(shared->num_sets(), num_sets);
}

// A text of every length is a set of its own here; the bound is met, and the reply goes on.
TEST(GrammarConstraint, AFullAutomatonIsLeftForANewOne) {
  const auto shared = automaton(
      R"({"type": "array", "items": {"type": "string", "maxLength": 300}, "maxItems": 100})");
  std::mt19937 random(3);
  for (int round = 0; round < 100 && !shared->is_full(); ++round) {
    GrammarAutomaton::Set set = shared->step(shared->begin(), '[');
    for (int item = 0; item < round; ++item)
      for (const char c : std::string("\"x\","))
        set = shared->step(set, static_cast<std::uint8_t>(c));
    set = shared->step(set, '"');
    for (int i = 0; i < 300; ++i) set = shared->step(set, 'a');
  }
  ASSERT_TRUE(shared->is_full());
  GrammarConstraint constraint(shared, {kEnd});
  constraint.accept(1 + '[');
  EXPECT_TRUE(contains(allowed(constraint), 1 + '"'));
}

TEST(TokenTree, AWalkMeetsEveryTokenOnceUnderItsBytes) {
  const TokenTree tree({"", "b", "ab", "a", "abc", "b"});
  std::string path;
  std::vector<std::pair<std::string, TokenId>> met;
  for (const TokenTree::Node& node : tree.nodes()) {
    path.resize(node.depth - 1U);
    path += static_cast<char>(node.byte);
    for (const TokenId id : tree.ids(node)) met.emplace_back(path, id);
  }
  const std::vector<std::pair<std::string, TokenId>> all = {
      {"a", 3}, {"ab", 2}, {"abc", 4}, {"b", 1}, {"b", 5}};
  EXPECT_EQ(met, all);
  EXPECT_EQ(tree.nodes()[0].behind, 3U);
  EXPECT_EQ(tree.depth_max(), 3U);
}

}  // namespace
}  // namespace hearth::engine
