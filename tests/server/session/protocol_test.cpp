#include "server/session/protocol.h"

#include <fstream>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::server {
namespace {

using nlohmann::json;

constexpr const char* kConversation = "0123456789abcdef0123456789abcdef";
constexpr const char* kMessage = "00112233445566778899aabbccddeeff";

auto parse(const std::string& frame) { return parse_client_message(frame, {}); }
auto parse(const json& message) { return parse(message.dump()); }

ErrorCode refusal(const std::string& frame) {
  const auto parsed = parse(frame);
  return parsed ? ErrorCode::internal : parsed.error().error.code;
}

// One valid frame of each type.
std::vector<std::string> valid_frames() {
  return {
      R"({"type":"hello","client":{"name":"web","version":"1"},"token":"abc","resume":{}})",
      R"({"type":"chat.create","id":"c-1","content":"héllo","params":{"temperature":0.5,"stop":["a","b"],"seed":7}})",
      R"({"type":"chat.create","id":"c-2","conversation":"0123456789abcdef0123456789abcdef","parent":null,"content":"x","system":"be kind"})",
      R"({"type":"chat.create","id":"c-3","conversation":"0123456789abcdef0123456789abcdef","parent":"00112233445566778899aabbccddeeff","regenerate":true})",
      R"({"type":"chat.cancel","id":"c-4","stream":"00112233445566778899aabbccddeeff"})",
      R"({"type":"stream.attach","id":"a-1","stream":"00112233445566778899aabbccddeeff","have":42})",
      R"({"type":"ack","stream":"00112233445566778899aabbccddeeff","have":42})",
      R"({"type":"history.list","id":"h-1","cursor":"","limit":100})",
      R"({"type":"history.get","id":"h-2","conversation":"0123456789abcdef0123456789abcdef"})",
      R"({"type":"history.rename","id":"h-3","conversation":"0123456789abcdef0123456789abcdef","title":"标题","revision":3})",
      R"({"type":"history.delete","id":"h-4","conversation":"0123456789abcdef0123456789abcdef"})",
      R"({"type":"history.clear","id":"h-5"})",
      R"({"type":"ping","t":1765432100123})",
  };
}

TEST(Protocol, ParsesEachMessageType) {
  for (const std::string& frame : valid_frames()) {
    const auto parsed = parse(frame);
    EXPECT_TRUE(parsed.has_value()) << frame << "\n" << (parsed ? "" : parsed.error().error.detail);
  }
}

TEST(Protocol, AValidFrameTruncatedAtAnyByteIsAnError) {
  for (const std::string& frame : valid_frames()) {
    for (std::size_t length = 0; length < frame.size(); ++length) {
      EXPECT_FALSE(parse(frame.substr(0, length)).has_value()) << frame.substr(0, length);
    }
  }
}

TEST(Protocol, ReadsEveryParameterOfChatCreate) {
  const auto parsed = parse(json{{"type", "chat.create"},
                                 {"id", "c-1"},
                                 {"content", "hi"},
                                 {"params",
                                  {{"model", "m"},
                                   {"max_tokens", 5},
                                   {"temperature", 0},
                                   {"top_k", 3},
                                   {"top_p", 0.5},
                                   {"min_p", 0.1},
                                   {"repetition_penalty", 1.1},
                                   {"presence_penalty", -1},
                                   {"frequency_penalty", 2},
                                   {"stop", "END"},
                                   {"seed", 9223372036854775807}}}});
  ASSERT_TRUE(parsed.has_value());
  const GenerationParams& params = *std::get<ChatCreate>(*parsed).params;
  EXPECT_EQ(params.model, "m");
  EXPECT_EQ(params.max_tokens, 5);
  EXPECT_EQ(params.sampling.temperature, 0.0);
  EXPECT_EQ(params.sampling.top_k, 3);
  EXPECT_EQ(params.sampling.top_p, 0.5);
  EXPECT_EQ(params.sampling.min_p, 0.1);
  EXPECT_EQ(params.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(params.sampling.presence_penalty, -1.0);
  EXPECT_EQ(params.sampling.frequency_penalty, 2.0);
  EXPECT_EQ(params.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(params.seed, 9223372036854775807U);
}

// Reliability R-15: each numeric field against each value that is no number in range.
TEST(Protocol, ABadNumberInAnyParameterIsInvalidParameterAndNamesIt) {
  const std::vector<std::string> fields = {
      "max_tokens",       "temperature",       "top_k", "top_p", "min_p", "repetition_penalty",
      "presence_penalty", "frequency_penalty", "seed"};
  const std::vector<std::string> values = {"1e309",
                                           "-1e309",
                                           "-3",
                                           "9223372036854775808",
                                           "18446744073709551616",
                                           "\"1\"",
                                           "null",
                                           "[]",
                                           "[1]",
                                           "{}",
                                           "true"};
  for (const std::string& field : fields) {
    for (const std::string& value : values) {
      const std::string frame = R"({"type":"chat.create","id":"c-1","content":"x","params":{")" +
                                field + "\":" + value + "}}";
      const auto parsed = parse(frame);
      ASSERT_FALSE(parsed.has_value()) << frame;
      EXPECT_EQ(parsed.error().error.code, ErrorCode::invalid_parameter) << frame;
      EXPECT_EQ(parsed.error().error.param, "params." + field) << frame;
      EXPECT_EQ(parsed.error().re, "c-1") << frame;
      EXPECT_FALSE(parsed.error().is_strike) << frame;
    }
  }
}

TEST(Protocol, FractionsAreNotWholeNumbers) {
  EXPECT_EQ(refusal(R"({"type":"chat.create","id":"c","content":"x","params":{"max_tokens":1.5}})"),
            ErrorCode::invalid_parameter);
  EXPECT_EQ(refusal(R"({"type":"history.list","id":"c","limit":2.0})"),
            ErrorCode::invalid_parameter);
}

TEST(Protocol, MinusZeroIsZero) {
  EXPECT_TRUE(
      parse(std::string(
                R"({"type":"chat.create","id":"c","content":"x","params":{"temperature":-0.0}})"))
          .has_value());
}

struct Bound {
  const char* field;
  double low, high, below, above;
};

TEST(Protocol, EachBoundIsIncludedAndOneBeyondIsNot) {
  const Bound bounds[] = {{"temperature", 0, 2, -0.001, 2.001},
                          {"top_p", 0, 1, -0.001, 1.001},
                          {"min_p", 0, 1, -0.001, 1.001},
                          {"repetition_penalty", 0.01, 10, 0.009, 10.01},
                          {"presence_penalty", -2, 2, -2.001, 2.001},
                          {"frequency_penalty", -2, 2, -2.001, 2.001}};
  for (const Bound& bound : bounds) {
    const auto with = [&](double value) {
      return parse(json{{"type", "chat.create"},
                        {"id", "c"},
                        {"content", "x"},
                        {"params", {{bound.field, value}}}})
          .has_value();
    };
    EXPECT_TRUE(with(bound.low)) << bound.field;
    EXPECT_TRUE(with(bound.high)) << bound.field;
    EXPECT_FALSE(with(bound.below)) << bound.field;
    EXPECT_FALSE(with(bound.above)) << bound.field;
  }
  EXPECT_TRUE(parse(json{{"type", "history.list"}, {"id", "h"}, {"limit", 100}}).has_value());
  EXPECT_FALSE(parse(json{{"type", "history.list"}, {"id", "h"}, {"limit", 101}}).has_value());
  EXPECT_FALSE(parse(json{{"type", "history.list"}, {"id", "h"}, {"limit", 0}}).has_value());
}

TEST(Protocol, StopTakesFourStringsOf256Bytes) {
  const auto with = [](const json& stop) {
    return parse(json{{"type", "chat.create"},
                      {"id", "c"},
                      {"content", "x"},
                      {"params", {{"stop", stop}}}})
        .has_value();
  };
  EXPECT_TRUE(with({"a", "b", "c", "d"}));
  EXPECT_FALSE(with({"a", "b", "c", "d", "e"}));
  EXPECT_TRUE(with(std::string(256, 'x')));
  EXPECT_FALSE(with(std::string(257, 'x')));
  EXPECT_FALSE(with(""));
  EXPECT_FALSE(with(json::array({1})));
  EXPECT_FALSE(with(nullptr));
}

TEST(Protocol, WhatCannotBeUnderstoodIsAStrike) {
  const std::pair<const char*, ErrorCode> cases[] = {
      {"", ErrorCode::invalid_json},
      {"{", ErrorCode::invalid_json},
      {"\xff", ErrorCode::invalid_json},
      {R"({"type":"ping","t":1,"t":2})", ErrorCode::invalid_json},
      {R"({"type":"ping","t":1} x)", ErrorCode::invalid_json},
      {"[]", ErrorCode::invalid_message},
      {"{}", ErrorCode::invalid_message},
      {R"({"type":7})", ErrorCode::invalid_message},
      {R"({"type":"ping"})", ErrorCode::invalid_message},
      {R"({"type":"chat.create","content":"x"})", ErrorCode::invalid_message},
      {R"({"type":"nonsense","id":"n-1"})", ErrorCode::unknown_type},
  };
  for (const auto& [frame, code] : cases) {
    const auto parsed = parse(std::string(frame));
    ASSERT_FALSE(parsed.has_value()) << frame;
    EXPECT_EQ(parsed.error().error.code, code) << frame;
    EXPECT_TRUE(parsed.error().is_strike) << frame;
  }
}

TEST(Protocol, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {  // the message is one level itself
    return R"({"type":"ping","t":1,"x":)" + std::string(depth - 1, '[') +
           std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(parse(nested(32)).has_value());
  EXPECT_EQ(refusal(nested(33)), ErrorCode::invalid_json);
  EXPECT_EQ(refusal(std::string(1'000'000, '[')), ErrorCode::invalid_json);
}

TEST(Protocol, IdsOfRequestsAreShortAndPlain) {
  const auto with = [](const json& id) {
    return parse(json{{"type", "history.clear"}, {"id", id}}).has_value();
  };
  EXPECT_TRUE(with(std::string(64, 'a')));
  EXPECT_FALSE(with(std::string(65, 'a')));
  EXPECT_FALSE(with(""));
  EXPECT_FALSE(with("a b"));
  EXPECT_FALSE(with("a\n"));
  EXPECT_FALSE(with(7));
}

TEST(Protocol, AnIdOfTheWrongShapeIsNotFound) {
  EXPECT_EQ(refusal(R"({"type":"history.get","id":"h","conversation":"nope"})"),
            ErrorCode::not_found);
  EXPECT_EQ(
      refusal(
          R"({"type":"history.get","id":"h","conversation":"0123456789ABCDEF0123456789ABCDEF"})"),
      ErrorCode::not_found);
  EXPECT_EQ(refusal(R"({"type":"chat.cancel","id":"h","stream":"0123"})"), ErrorCode::not_found);
  EXPECT_EQ(refusal(R"({"type":"chat.cancel","id":"h","stream":7})"), ErrorCode::invalid_parameter);
}

TEST(Protocol, ContentHasItsOwnLimit) {
  const ParseLimits limits{.content_bytes = 5, .system_bytes = 3};
  const auto with = [&](const std::string& content, const std::string& system) {
    const json message = {
        {"type", "chat.create"}, {"id", "c"}, {"content", content}, {"system", system}};
    const auto parsed = parse_client_message(message.dump(), limits);
    return parsed ? ErrorCode::internal : parsed.error().error.code;
  };
  EXPECT_EQ(with("12345", "123"), ErrorCode::internal);
  EXPECT_EQ(with("123456", "123"), ErrorCode::message_too_large);
  EXPECT_EQ(with("12345", "1234"), ErrorCode::message_too_large);
  EXPECT_EQ(with("", ""), ErrorCode::invalid_parameter);
}

TEST(Protocol, RegenerateNamesAMessageAndHasNoContent) {
  const json good = {{"type", "chat.create"},
                     {"id", "c"},
                     {"conversation", kConversation},
                     {"parent", kMessage},
                     {"regenerate", true}};
  EXPECT_TRUE(parse(good).has_value());
  for (const char* needed : {"conversation", "parent"}) {
    json bad = good;
    bad.erase(needed);
    EXPECT_FALSE(parse(bad).has_value()) << needed;
  }
  json with_content = good;
  with_content["content"] = "x";
  EXPECT_FALSE(parse(with_content).has_value());
  json at_root = good;
  at_root["parent"] = nullptr;
  EXPECT_FALSE(parse(at_root).has_value());
}

TEST(Protocol, AParentNeedsItsConversation) {
  EXPECT_FALSE(
      parse(json{{"type", "chat.create"}, {"id", "c"}, {"content", "x"}, {"parent", kMessage}})
          .has_value());
}

TEST(Protocol, BodyHashIgnoresTheOrderOfFieldsOnly) {
  const auto hash = [](const char* frame) {
    return std::get<ChatCreate>(*parse(std::string(frame))).body_hash;
  };
  const auto a = hash(R"({"type":"chat.create","id":"c","content":"x"})");
  EXPECT_EQ(a, hash(R"({"content":"x","id":"c","type":"chat.create"})"));
  EXPECT_NE(a, hash(R"({"type":"chat.create","id":"c","content":"y"})"));
}

TEST(Protocol, TitlesAreCountedInCharacters) {
  const auto with = [](const std::string& title) {
    return parse(json{{"type", "history.rename"},
                      {"id", "h"},
                      {"conversation", kConversation},
                      {"title", title}})
        .has_value();
  };
  std::string han;
  for (int i = 0; i < 200; ++i) han += "字";
  EXPECT_TRUE(with(han));
  EXPECT_FALSE(with(han + "字"));
  EXPECT_FALSE(with("a\tb"));
  EXPECT_FALSE(with(""));
}

TEST(Protocol, PingKeepsTheNumberAsItCame) {
  EXPECT_EQ(std::get<Ping>(*parse(std::string(R"({"type":"ping","t":1765432100123})"))).t,
            "1765432100123");
}

// server/PROTOCOL.md is the law: each of its examples is JSON, and each that a client sends is
// accepted.
TEST(Protocol, UnderstandsTheExamplesOfTheDocument) {
  std::ifstream file(std::string(HEARTH_GOLDEN) + "/../../server/PROTOCOL.md");
  std::stringstream document;
  document << file.rdbuf();
  const std::string text = document.str();
  const std::size_t from_server = text.find("## 3. Server");
  int num_from_client = 0;
  int num_from_server = 0;
  for (std::size_t at = text.find("```json\n"); at != std::string::npos;
       at = text.find("```json\n", at)) {
    at += 8;
    const std::string example = text.substr(at, text.find("```", at) - at);
    const json message = json::parse(example, nullptr, false);
    ASSERT_TRUE(message.is_object()) << example;
    if (at > from_server) {
      ++num_from_server;
      continue;
    }
    ++num_from_client;
    EXPECT_TRUE(parse(message).has_value()) << example;
  }
  EXPECT_GE(num_from_client, 12);
  EXPECT_GE(num_from_server, 12);
}

}  // namespace
}  // namespace hearth::server
