// R-16: bodies that nobody should send, on every route that reads JSON, through the whole of
// server/api with an engine that never answers.
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/api/classify_api.h"
#include "server/api/completions_api.h"
#include "server/api/conversation_api.h"
#include "server/api/embeddings_api.h"
#include "server/api/messages_api.h"
#include "server/api/ollama_api.h"
#include "server/api/openai_chat.h"
#include "server/api/responses_api.h"
#include "server/api/text_api.h"
#include "tests/server/api/support/api_room.h"

namespace hearth::server {
namespace {

using testing::ApiRoom;

struct Route {
  std::string path;
  Handler (*handler)(Generations&);
  std::string body;
};

// clang-format off
const std::vector<Route> kRoutes = {
    {"/v1/chat/completions", chat_completions_handler, R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "h\u00e9"}]}], "temperature": 0.5, "logit_bias": {"5": -1}, "stop": ["a"], "stream": true, "stream_options": {"include_usage": true}, "n": 2, "logprobs": true, "top_logprobs": 2})"},
    {"/v1/chat/completions", chat_completions_handler, R"({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c", "content": "y"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}], "tool_choice": "auto"})"},
    {"/v1/chat/completions", chat_completions_handler, R"({"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object", "properties": {"a": {"enum": ["b", 1]}, "c": {"$ref": "#/$defs/d"}}, "$defs": {"d": {"type": "array", "items": {"type": "number"}}}}}}, "max_tokens": 5})"},
    {"/v1/completions", completions_handler, R"({"prompt": [[1, 2], [3]], "max_tokens": 1, "echo": true, "logprobs": 1, "prompt_logprobs": 2, "seed": 5, "stop_token_ids": [9]})"},
    {"/v1/responses", responses_handler, R"({"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}, {"type": "function_call_output", "call_id": "c", "output": "y"}], "instructions": "i", "max_output_tokens": 20, "text": {"format": {"type": "json_object"}}})"},
    {"/v1/messages", messages_handler, R"({"system": [{"type": "text", "text": "s"}], "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "y"}]}], "max_tokens": 4, "tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "auto"}, "stream": true})"},
    {"/v1/messages/count_tokens", count_tokens_handler, R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 4})"},
    {"/api/chat", ollama_chat_handler, R"({"messages": [{"role": "user", "content": "x"}], "format": {"type": "integer"}, "options": {"num_predict": 1, "stop": ["x"], "temperature": 0}, "stream": false})"},
    {"/api/generate", ollama_generate_handler, R"({"prompt": "x", "system": "s", "options": {"num_predict": 1, "top_k": 3}, "raw": true})"},
    {"/conversation/", conversation_handler, R"({"query": "x", "max_new_tokens": 1, "top_p": 0.5})"},
    {"/v1/embeddings", embeddings_handler, R"({"input": ["a", [1, 2]], "encoding_format": "base64", "dimensions": 1})"},
    {"/classify", classify_handler, R"({"input": ["a", {"text": "b", "text_pair": "c"}]})"},
    {"/tokenize", tokenize_handler, R"({"prompt": "x", "add_special_tokens": true, "return_token_strs": true})"},
    {"/detokenize", detokenize_handler, R"({"tokens": [1, 2, 3], "skip_special_tokens": false})"},
    {"/apply-template", apply_template_handler, R"({"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"enable_thinking": true}})"}};
// clang-format on

// What fuzzers do to an input: bytes and words put in, taken out, doubled, moved, cut.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string mutate(std::string body) {
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
      const std::size_t at = below(body.size() + 1);
      const std::size_t count = 1 + below(8);
      switch (below(7)) {
        case 0:
          body.erase(at, count);
          break;
        case 1:
          body.insert(at, word());
          break;
        case 2:
          body.replace(at, count, word());
          break;
        case 3:
          body.insert(below(body.size() + 1), body.substr(at, count * 8));
          break;
        case 4:
          if (at < body.size()) body[at] = static_cast<char>(below(256));
          break;
        case 5:
          if (at < body.size()) body[at] = static_cast<char>(body[at] ^ (1 << below(8)));
          break;
        default:
          if (below(8) == 0) body.resize(at);
      }
    }
    return body;
  }

 private:
  std::string word() {
    static const std::vector<std::string> kWords = {"{",
                                                    "}",
                                                    "[",
                                                    "]",
                                                    "\"",
                                                    ":",
                                                    ",",
                                                    "\\",
                                                    "0",
                                                    "-1",
                                                    "1e309",
                                                    "-0",
                                                    "1.5",
                                                    "true",
                                                    "null",
                                                    "\"\"",
                                                    "[]",
                                                    "{}",
                                                    "\\u0000",
                                                    "\\ud800",
                                                    "\xff",
                                                    "\xc3",
                                                    "NaN",
                                                    "Infinity",
                                                    "1e99",
                                                    "9223372036854775808",
                                                    "\"messages\"",
                                                    "\"role\"",
                                                    "\"type\"",
                                                    "\"content\"",
                                                    "\"$ref\": \"#\"",
                                                    "<|im_end|>",
                                                    "\"n\": 5",
                                                    "\"stream\": true",
                                                    "4294967296"};
    return kWords[below(kWords.size())];
  }

  std::mt19937 random_;
};

TEST(MutatedBodies, AHundredThousandAreAnsweredOrRunAndNothingIsLeft) {
  constexpr int kRooms = 100;
  constexpr int kBodies = 1'000;
  Mutator mutator(20261121);
  int num_refused = 0;
  int num_running = 0;
  for (int round = 0; round < kRooms; ++round) {
    ApiRoom room;
    for (int i = 0; i < kBodies; ++i) {
      const Route& route = kRoutes[mutator.below(kRoutes.size())];
      const std::string body = mutator.mutate(route.body);
      const auto response = room.send(route.handler(room.generations_), route.path, body);
      if (response->whole) {
        const int status = response->whole->status;
        ASSERT_TRUE(status == 200 || status == 400) << route.path << " " << status << "\n" << body;
        ASSERT_FALSE(response->whole->body.empty()) << route.path << "\n" << body;
        for (const std::string inside : {"0x", "/home", "/usr", "what():"})  // R-33
          ASSERT_EQ(response->whole->body.find(inside), std::string::npos) << body;
        num_refused += status == 400 ? 1 : 0;
      } else {
        ASSERT_TRUE(response->gone) << route.path << " was left alone\n" << body;
        response->hang_up();
        ++num_running;
      }
      ASSERT_EQ(room.generations_.live(), 0U) << route.path << "\n" << body;
      ASSERT_EQ(room.service_.admission().live(), 0) << route.path << "\n" << body;
      room.responses_.clear();
    }
  }
  EXPECT_GT(num_refused, 40'000);
  EXPECT_GT(num_running, 3'000) << "some are still what they were";
}

}  // namespace
}  // namespace hearth::server
