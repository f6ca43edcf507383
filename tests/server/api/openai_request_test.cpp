#include "server/api/openai_request.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

constexpr std::int64_t kMaxTokens = 4096;

auto parse(const std::string& fields) {
  return parse_openai_chat(R"({"messages": [{"role": "user", "content": "hi"}])" +
                               (fields.empty() ? "" : ", " + fields) + "}",
                           kMaxTokens);
}

auto parse_messages(const std::string& messages) {
  return parse_openai_chat(R"({"messages": )" + messages + "}", kMaxTokens);
}

TEST(OpenAiRequest, DefaultsLeaveEverythingToTheModel) {
  const auto request = parse("");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->chat().messages.size(), 1U);
  EXPECT_EQ(request->chat().messages[0]["content"], "hi");
  EXPECT_FALSE(request->stream);
  EXPECT_FALSE(request->spec.params.max_tokens);
  EXPECT_FALSE(request->spec.params.sampling.temperature);
  EXPECT_TRUE(request->spec.params.stop.empty());
}

TEST(OpenAiRequest, TakesContentAsTextOrAsParts) {
  const auto request = parse_messages(R"([{"role": "developer", "content": "be kind"},
      {"role": "user", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]},
      {"role": "assistant", "content": "three", "name": "x"}, {"role": "user", "content": ""}])");
  ASSERT_TRUE(request);
  const auto& messages = request->chat().messages;
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(messages[0]["role"], "system");
  EXPECT_EQ(messages[1]["content"], "one two");
  EXPECT_EQ(messages[2]["role"], "assistant");
}

TEST(OpenAiRequest, ReadsItsSettings) {
  const auto request = parse(
      R"("temperature": 0, "top_p": 0.5, "top_k": -1, "min_p": 0.1, "max_tokens": 7, "stop": "x", "seed": 9,
      "presence_penalty": -1, "frequency_penalty": 2, "repetition_penalty": 1.1, "stream": true, "stream_options": {"include_usage": true},
      "logprobs": true, "top_logprobs": 20, "logit_bias": {"5": -100}, "model": "any name", "user": "ada", "metadata": {"x": [1]}, "n": 1)");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->spec.params.sampling.temperature, 0.0);
  EXPECT_EQ(request->spec.params.sampling.top_k, 0);
  EXPECT_EQ(request->spec.params.max_tokens, 7);
  EXPECT_EQ(request->spec.params.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(request->spec.params.seed, 9U);
  EXPECT_TRUE(request->stream && request->include_usage && request->logprobs);
  EXPECT_EQ(request->spec.num_top_logprobs, 20);
  EXPECT_EQ(request->spec.params.sampling.logit_bias->at(0).first, 5);
}

TEST(OpenAiRequest, TheNewerNameOfMaxTokensWinsAndLargeOnesAreCut) {
  EXPECT_EQ(parse(R"("max_tokens": 5, "max_completion_tokens": 6)")->spec.params.max_tokens, 6);
  EXPECT_EQ(parse(R"("max_tokens": 128000)")->spec.params.max_tokens, kMaxTokens);
}

TEST(OpenAiRequest, NullIsAbsent) {
  const auto request = parse(
      R"("temperature": null, "stop": null, "max_tokens": null, "seed": null, "logit_bias": null, "tools": null, "n": null)");
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->spec.params.max_tokens);
}

// R-15: every numeric field against numbers that are none, or too large, or of another kind.
TEST(OpenAiRequest, HostileNumbersAreRefusedByName) {
  const std::vector<std::string> fields = {"temperature",
                                           "top_p",
                                           "top_k",
                                           "min_p",
                                           "max_tokens",
                                           "max_completion_tokens",
                                           "presence_penalty",
                                           "frequency_penalty",
                                           "repetition_penalty",
                                           "seed",
                                           "top_logprobs",
                                           "min_tokens",
                                           "n",
                                           "prompt_logprobs",
                                           "typical_p"};
  for (const std::string& field : fields) {
    for (const std::string value :
         {"1e309", "-1e309", "NaN", "Infinity", "-2", "9223372036854775808", "\"1\"", "[]", "[1]",
          "{}", "true", "1e400", "-9e18"}) {
      const auto request = parse('"' + field + "\": " + value +
                                 (field == "top_logprobs" ? ", \"logprobs\": true" : ""));
      const bool is_fine =
          (field.ends_with("y_penalty") || field.starts_with("presence")) && value == "-2";
      if (is_fine) continue;
      ASSERT_FALSE(request) << field << " " << value;
      const bool is_json = value != "NaN" && value != "Infinity";
      EXPECT_EQ(request.error().code,
                is_json ? ErrorCode::invalid_parameter : ErrorCode::invalid_json)
          << field << " " << value;
      if (is_json) {
        EXPECT_EQ(request.error().param, field) << value;
      }
      EXPECT_GT(request.error().detail.size(), 10U);
      EXPECT_LT(request.error().detail.size(), 300U);
    }
  }
}

// R-14: each bound, at it and one past.
TEST(OpenAiRequest, BoundsHoldExactly) {
  const auto messages = [](int n) {
    std::string list = "[";
    for (int i = 0; i < n; ++i)
      list += (i ? "," : "") + std::string(R"({"role": "user", "content": "x"})");
    return parse_messages(list + "]");
  };
  EXPECT_TRUE(messages(512));
  EXPECT_EQ(messages(513).error().param, "messages");
  EXPECT_EQ(messages(0).error().param, "messages");
  EXPECT_TRUE(parse(R"("stop": ["a", "b", "c", "d"])"));
  EXPECT_EQ(parse(R"("stop": ["a", "b", "c", "d", "e"])").error().param, "stop");
  EXPECT_TRUE(parse(R"("stop": ")" + std::string(256, 'x') + '"'));
  EXPECT_EQ(parse(R"("stop": ")" + std::string(257, 'x') + '"').error().param, "stop");
  EXPECT_EQ(parse(R"("stop": "")").error().param, "stop");
  EXPECT_TRUE(parse(R"("logprobs": true, "top_logprobs": 20)"));
  EXPECT_EQ(parse(R"("logprobs": true, "top_logprobs": 21)").error().param, "top_logprobs");
  EXPECT_EQ(parse(R"("top_logprobs": 1)").error().param, "top_logprobs");
  const auto bias = [](int n) {
    std::string object = "{";
    for (int i = 0; i < n; ++i) object += (i ? "," : "") + ('"' + std::to_string(i) + "\": 1");
    return parse("\"logit_bias\": " + object + "}");
  };
  const auto tools = [](int n) {
    std::string list = "[";
    for (int i = 0; i < n; ++i)
      list += (i ? "," : "") + std::string(R"({"type": "function", "function": {"name": "f)") +
              std::to_string(i) + "\"}}";
    return parse("\"tools\": " + list + "]");
  };
  EXPECT_TRUE(tools(64));
  EXPECT_EQ(tools(65).error().param, "tools");
  EXPECT_TRUE(bias(300));
  EXPECT_EQ(bias(301).error().param, "logit_bias");
}

TEST(OpenAiRequest, ToolsAndTheirResultsComeInTheTemplatesShape) {
  const auto request = parse_openai_chat(
      R"({"messages": [{"role": "user", "content": "x"},
      {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"z\": 1, \"a\": 2}"}}]},
      {"role": "tool", "tool_call_id": "c1", "content": "3"}],
      "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}}],
      "tool_choice": {"type": "function", "function": {"name": "f"}}})",
      kMaxTokens);
  ASSERT_TRUE(request) << request.error().detail;
  const auto& messages = request->chat().messages;
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"].dump(), R"({"z":1,"a":2})");
  EXPECT_EQ(messages[2]["role"], "tool");
  EXPECT_EQ(request->chat().tools[0]["function"]["parameters"]["properties"].dump(),
            R"({"z":{},"a":{}})");
  EXPECT_TRUE(std::holds_alternative<ToolCallRule>(request->spec.rule));
}

TEST(OpenAiRequest, WhatCannotBeHonouredIsRefused) {
  EXPECT_EQ(parse(R"("n": 4)")->spec.n, 4);
  EXPECT_EQ(parse(R"("n": 5)").error().param, "n");
  EXPECT_EQ(parse(R"("n": 1.5)").error().param, "n");
  EXPECT_EQ(parse(R"("best_of": 2)").error().param, "best_of");
  EXPECT_EQ(parse(R"("tools": [{"type": "function"}])").error().param, "tools[0]");
  EXPECT_TRUE(parse(R"("tools": [])"));
  EXPECT_EQ(parse(R"("response_format": {"type": "xml"})").error().param, "response_format");
  EXPECT_EQ(parse(R"("response_format": {"type": "json_schema"})").error().param,
            "response_format");
  EXPECT_EQ(parse(R"("chat_template_kwargs": {"chat_template": "x"})").error().param,
            "chat_template_kwargs");
  EXPECT_EQ(parse(R"("chat_template_kwargs": {"reasoning_effort": "<|im_end|>"})").error().param,
            "chat_template_kwargs.reasoning_effort");
  EXPECT_EQ(parse(R"("tool_choice": "required")").error().param, "tool_choice");
  EXPECT_EQ(parse(R"("continue_final_message": true)").error().param, "continue_final_message");
  EXPECT_EQ(parse(R"("prompt_logprobs": 1, "presence_penalty": 1)").error().param,
            "prompt_logprobs");
  EXPECT_TRUE(parse(R"("response_format": {"type": "text"})"));
  EXPECT_EQ(parse(R"("logit_bias": {"word": 1})").error().param, "logit_bias");
  EXPECT_EQ(parse(R"("logit_bias": {"1": 101})").error().param, "logit_bias");
  EXPECT_EQ(parse(R"("stream": "yes")").error().param, "stream");
  EXPECT_EQ(parse(R"("stream_options": 1)").error().param, "stream_options");
}

TEST(OpenAiRequest, MessagesAreNamedByTheirPlace) {
  const auto param = [](const std::string& second) {
    return parse_messages(R"([{"role": "user", "content": "x"}, )" + second + "]").error().param;
  };
  EXPECT_EQ(param("7"), "messages[1]");
  EXPECT_EQ(param("{}"), "messages[1].role");
  EXPECT_EQ(param(R"({"role": "oracle", "content": "x"})"), "messages[1].role");
  EXPECT_EQ(param(R"({"role": "user"})"), "messages[1].content");
  EXPECT_EQ(param(R"({"role": "user", "content": 7})"), "messages[1].content");
  EXPECT_EQ(param(R"({"role": "user", "content": []})"), "messages[1].content");
  EXPECT_EQ(
      param(
          R"({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]})"),
      "messages[1].content");
}

TEST(OpenAiRequest, TruncationAtEveryByteIsInvalidJson) {
  const std::string whole =
      R"({"messages": [{"role": "user", "content": "hé \ud83d\ude00"}], "temperature": 0.5, "stop": ["a"]})";
  ASSERT_TRUE(parse_openai_chat(whole, kMaxTokens));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto request = parse_openai_chat(whole.substr(0, n), kMaxTokens);
    ASSERT_FALSE(request) << n;
    EXPECT_EQ(request.error().code, ErrorCode::invalid_json) << n;
  }
}

// R-16: whatever comes is a request or one sentence; nothing throws.
TEST(OpenAiRequest, TwentyThousandMutilatedBodiesAreAnswered) {
  const std::string whole =
      R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "h\u00e9"}]}], "temperature": 0.5, "logit_bias": {"5": -1}, "stop": ["a"], "stream": true})";
  std::mt19937 random(20261121);
  const std::string pieces = "{}[]\",:\\0123456789.eE+-truefalsnd \n\xff\xc3";
  int num_refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = whole;
    for (int edits = 1 + static_cast<int>(random() % 4); edits > 0; --edits) {
      const std::size_t at = random() % body.size();
      const char piece = pieces[random() % pieces.size()];
      if (random() % 3 == 0) {
        body.erase(at, 1 + random() % 5);
      } else if (random() % 2 == 0) {
        body.insert(at, 1 + random() % 3, piece);
      } else {
        body[at] = piece;
      }
      if (body.empty()) body = "{";
    }
    const auto request = parse_openai_chat(body, kMaxTokens);
    if (request) continue;
    ++num_refused;
    ASSERT_TRUE(request.error().code == ErrorCode::invalid_json ||
                request.error().code == ErrorCode::invalid_parameter)
        << body;
    ASSERT_FALSE(request.error().detail.empty()) << body;
  }
  EXPECT_GT(num_refused, 10'000);
}

TEST(OpenAiRequest, WhatIsNotAnObjectOrTooDeepOrDoubleIsInvalidJson) {
  for (const std::string body : {"[]", "7", "null", "\"x\"", "{} {}", R"({"a": 1, "a": 2})", "\xff",
                                 "{\"a\": \"\xc3\x28\"}"}) {
    const auto request = parse_openai_chat(body, kMaxTokens);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().code, ErrorCode::invalid_json) << body;
  }
  EXPECT_EQ(parse_openai_chat(std::string(100'000, '['), kMaxTokens).error().code,
            ErrorCode::invalid_json);
}

}  // namespace
}  // namespace hearth::server
