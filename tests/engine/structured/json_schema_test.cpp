// What a compiled schema reads, byte by byte.
#include "engine/structured/json_schema.h"

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "engine/structured/grammar_automaton.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

std::shared_ptr<const TokenTree> no_tokens() {
  return std::make_shared<const TokenTree>(std::vector<std::string>{});
}

class Reader {
 public:
  explicit Reader(std::string_view schema)
      : grammar_(compile_json_schema(ordered_json::parse(schema))) {
    EXPECT_TRUE(grammar_) << grammar_.error().detail;
  }
  explicit Reader(std::shared_ptr<const Grammar> grammar) : grammar_(std::move(grammar)) {}

  bool reads(std::string_view text) const {
    GrammarAutomaton automaton(*grammar_, no_tokens());
    GrammarAutomaton::Set set = automaton.begin();
    for (const char c : text) set = automaton.step(set, static_cast<std::uint8_t>(c));
    return automaton.accepts(set);
  }

 private:
  Result<std::shared_ptr<const Grammar>> grammar_;
};

std::string refusal(std::string_view schema) {
  const auto grammar = compile_json_schema(ordered_json::parse(schema));
  EXPECT_FALSE(grammar);
  if (grammar) return {};
  EXPECT_EQ(grammar.error().code, ErrorCode::invalid_parameter);
  return grammar.error().detail;
}

TEST(JsonSchema, AnObjectHasItsPropertiesInOrder) {
  const Reader reader(R"({"type": "object", "required": ["b"], "additionalProperties": false,
      "properties": {"b": {"type": "integer"}, "a": {"type": "boolean"}}})");
  EXPECT_TRUE(reader.reads(R"({"b": 1, "a": true})"));
  EXPECT_TRUE(reader.reads(R"({"b":-17})"));
  EXPECT_TRUE(reader.reads("{\n  \"b\": 1,\n  \"a\": false\n}"));
  EXPECT_FALSE(reader.reads(R"({"a": true})"));
  EXPECT_FALSE(reader.reads(R"({"a": true, "b": 1})"));
  EXPECT_FALSE(reader.reads(R"({"b": 1, "c": 2})"));
  EXPECT_FALSE(reader.reads(R"({"b": 1.5})"));
  EXPECT_FALSE(reader.reads(R"({"b": 1,})"));
  EXPECT_FALSE(reader.reads(R"({"b": 1} )"));
  EXPECT_FALSE(reader.reads(R"({})"));
}

TEST(JsonSchema, OptionalPropertiesMayBeMissingAnywhere) {
  const Reader reader(
      R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"},
      "c": {"type": "null"}}})");
  for (const char* const text : {"{}", R"({"a":null})", R"({"b":null})", R"({"c":null})",
                                 R"({"a":null,"c":null})", R"({"a":null,"b":null,"c":null})"}) {
    EXPECT_TRUE(reader.reads(text)) << text;
  }
  EXPECT_FALSE(reader.reads(R"({"b":null,"a":null})"));
  EXPECT_FALSE(reader.reads(R"({,"b":null})"));
}

TEST(JsonSchema, StringsAreWholeCharactersAndCounted) {
  const Reader any(R"({"type": "string"})");
  for (const char* const text : {R"("")", R"("a b")", R"("é 你 😀")", R"("\n\u00e9\"")"})
    EXPECT_TRUE(any.reads(text)) << text;
  for (const char* const text : {"\"\n\"", "\"\\x\"", "\"\xc3\"", "\"\xed\xa0\x80\"",
                                 "\"\xf5\x80\x80\x80\"", "\"\xc0\x80\"", "\"\\ud800\"", "\"a"})
    EXPECT_FALSE(any.reads(text)) << text;
  const Reader counted(R"({"type": "string", "minLength": 2, "maxLength": 3})");
  EXPECT_FALSE(counted.reads(R"("a")"));
  EXPECT_TRUE(counted.reads(R"("你好")"));
  EXPECT_TRUE(counted.reads(R"("a\u0041b")"));
  EXPECT_FALSE(counted.reads(R"("abcd")"));
  const Reader open(R"({"minLength": 2})");
  EXPECT_FALSE(open.reads(R"("a")"));
  EXPECT_TRUE(open.reads(R"("abcdefgh")"));
}

TEST(JsonSchema, NumbersAreJsonNumbers) {
  const Reader number(R"({"type": "number"})");
  for (const char* const text : {"0", "-1", "12.5", "1e9", "1.5E-3", "123456789012345"})
    EXPECT_TRUE(number.reads(text)) << text;
  for (const char* const text : {"", "-", "01", "+1", ".5", "1.", "1e", "NaN", "1234567890123456"})
    EXPECT_FALSE(number.reads(text)) << text;
  EXPECT_FALSE(Reader(R"({"type": "integer"})").reads("1.0"));
}

TEST(JsonSchema, ListsAreCounted) {
  const Reader reader(
      R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})");
  EXPECT_FALSE(reader.reads("[]"));
  EXPECT_TRUE(reader.reads("[1]"));
  EXPECT_TRUE(reader.reads("[1, 2, 3]"));
  EXPECT_FALSE(reader.reads("[1, 2, 3, 4]"));
  EXPECT_FALSE(reader.reads("[1 2]"));
  const Reader open(R"({"items": {"type": "null"}})");
  EXPECT_TRUE(open.reads("[]"));
  EXPECT_TRUE(open.reads("[null, null,null,null, null]"));
  const Reader pair(
      R"({"prefixItems": [{"type": "null"}, {"type": "boolean"}], "items": false, "minItems": 2})");
  EXPECT_TRUE(pair.reads("[null, true]"));
  EXPECT_FALSE(pair.reads("[null]"));
  EXPECT_FALSE(pair.reads("[null, true, 1]"));
  const Reader least(R"({"items": {"type": "null"}, "minItems": 2})");
  EXPECT_FALSE(least.reads("[null]"));
  EXPECT_TRUE(least.reads("[null,null,null]"));
}

TEST(JsonSchema, ChoicesAreTriedSideBySide) {
  const Reader reader(
      R"({"anyOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
      "required": ["kind", "x"]}, {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}, {"enum": [1, "one", null]}]})");
  EXPECT_TRUE(reader.reads(R"({"kind": "a", "x": 3})"));
  EXPECT_TRUE(reader.reads(R"({"kind": "b"})"));
  EXPECT_FALSE(reader.reads(R"({"kind": "a"})"));
  EXPECT_TRUE(reader.reads("null"));
  EXPECT_TRUE(reader.reads(R"("one")"));
  EXPECT_FALSE(reader.reads(R"("two")"));
  EXPECT_TRUE(Reader(R"({"type": ["string", "null"]})").reads("null"));
}

TEST(JsonSchema, ReferencesMayRecurse) {
  const Reader reader(
      R"({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "required": ["children"],
      "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}}})");
  EXPECT_TRUE(reader.reads(R"({"children": []})"));
  EXPECT_TRUE(
      reader.reads(R"({"children": [{"children": []}, {"children": [{"children": []}]}]})"));
  EXPECT_FALSE(reader.reads(R"({"children": [{}]})"));
}

TEST(JsonSchema, MapsHaveAnyKeys) {
  const Reader reader(R"({"type": "object", "additionalProperties": {"type": "integer"}})");
  EXPECT_TRUE(reader.reads("{}"));
  EXPECT_TRUE(reader.reads(R"({"x": 1, "y": 2})"));
  EXPECT_FALSE(reader.reads(R"({"x": "1"})"));
}

TEST(JsonSchema, AnyObjectIsAnyJsonObject) {
  const Reader reader(json_object_grammar());
  EXPECT_TRUE(reader.reads(R"({"a": [1, {"b": null}], "c": {"d": "x"}, "e": -1.5e3})"));
  EXPECT_FALSE(reader.reads("[1]"));
  EXPECT_FALSE(reader.reads(R"({"a")"));
}

// R-19, at each bound and one past.
TEST(JsonSchema, BoundsHold) {
  const auto nested = [](int depth) {
    std::string schema = R"({"type": "null"})";
    for (int i = 0; i < depth; ++i) schema = R"({"type": "array", "items": )" + schema + "}";
    return schema;
  };
  EXPECT_TRUE(compile_json_schema(ordered_json::parse(nested(16))));
  EXPECT_NE(refusal(nested(17)).find("deeper than 16"), std::string::npos);
  const std::string filler(33 * 1024, 'x');
  EXPECT_NE(refusal(R"({"type": "null", "description": ")" + filler + "\"}").find("32 KiB"),
            std::string::npos);
  EXPECT_NE(
      refusal(
          R"({"type": "array", "items": {"type": "string", "maxLength": 9999}, "maxItems": 9999})")
          .find("10000 states"),
      std::string::npos);
}

TEST(JsonSchema, WhatCannotBeKeptIsRefusedByNameAndPlace) {
  EXPECT_NE(refusal(R"({"properties": {"a": {"type": "string", "pattern": "(a+)+$"}}})")
                .find("#/properties/a uses pattern"),
            std::string::npos);
  for (const char* const schema :
       {R"({"type": "integer", "minimum": 1})", R"({"not": {}})",
        R"({"type": "array", "uniqueItems": true})", R"({"type": "thing"})", R"({"type": []})",
        R"({"enum": []})", R"({"$ref": "#/nowhere"})", R"({"$ref": "http://x/y"})",
        R"({"$ref": "#/a~2"})", R"({"properties": []})", R"({"required": ["x"]})",
        R"({"minLength": -1})", R"({"minItems": 3, "maxItems": 2})", R"({"allOf": [{}, {}]})",
        R"({"anyOf": []})", R"({"anyOf": 7})", "7", "[]"}) {
    EXPECT_LT(refusal(schema).size(), 200U) << schema;
  }
}

// R-16: whatever comes is a grammar or one sentence.
TEST(JsonSchema, MutilatedSchemasAreAnswered) {
  const std::string whole =
      R"({"type":"object","properties":{"a":{"type":["string","null"],"maxLength":5},"b":{"anyOf":[{"type":"array","items":{"$ref":"#"},"minItems":1},{"const":[1]}]}},"required":["a"]})";
  std::mt19937 random(7);
  int num_schemas = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = whole;
    for (int edits = 0; edits < 3; ++edits)
      text[random() % text.size()] = "{}[]\",:0159anyOfitemstype$#/"[random() % 28];
    const ordered_json schema = ordered_json::parse(text, nullptr, false);
    if (schema.is_discarded()) continue;
    ++num_schemas;
    const auto grammar = compile_json_schema(schema);
    if (!grammar) {
      ASSERT_FALSE(grammar.error().detail.empty());
    }
  }
  EXPECT_GT(num_schemas, 300);
}

}  // namespace
}  // namespace hearth::engine
