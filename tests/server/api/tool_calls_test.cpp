#include "server/api/tool_calls.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

struct Found {
  std::string content;
  std::vector<ToolCall> calls;
};

// As it comes: cut anywhere, the outcome is the same, and content only grows.
Found read(const std::string& text, std::size_t piece = 1) {
  ToolCallReader reader;
  std::string before;
  for (std::size_t end = 0; end < text.size(); end += piece) {
    reader.read(std::string_view(text).substr(0, end));
    EXPECT_TRUE(reader.content().starts_with(before));
    before = reader.content();
  }
  reader.finish(text);
  EXPECT_TRUE(reader.content().starts_with(before));
  return {reader.content(), reader.calls()};
}

constexpr const char* kCall =
    "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": \"x\"}}\n</tool_call>";

TEST(ToolCalls, TagsHoldCalls) {
  for (const std::size_t piece : {1, 3, 7, 100}) {
    const Found found = read(kCall, piece);
    ASSERT_EQ(found.calls.size(), 1U);
    EXPECT_EQ(found.calls[0].name, "f");
    EXPECT_EQ(found.calls[0].arguments, R"({"b":1,"a":"x"})");
    EXPECT_EQ(found.content, "");
  }
}

TEST(ToolCalls, TextBeforeThemIsContent) {
  const Found found = read("I look it up. <b>\n\n" + std::string(kCall) + "\n" + kCall);
  EXPECT_EQ(found.content, "I look it up. <b>");
  EXPECT_EQ(found.calls.size(), 2U);
}

TEST(ToolCalls, TextWithoutCallsStaysAsItIs) {
  for (const char* const text :
       {"hello\n", " <tool", "a <tool_call b", "", "{\"a\": 1}", "[1, 2]", "{broken", "  "}) {
    const Found found = read(text);
    EXPECT_EQ(found.content, text);
    EXPECT_TRUE(found.calls.empty());
  }
}

TEST(ToolCalls, WhatIsNoCallBetweenTagsIsKeptAsText) {
  const Found found = read("<tool_call>nonsense</tool_call> and more");
  EXPECT_EQ(found.content, "<tool_call>nonsense</tool_call> and more");
  EXPECT_TRUE(found.calls.empty());
}

TEST(ToolCalls, TheLastTagMayBeMissing) {
  const Found found = read("<tool_call>{\"name\": \"f\", \"arguments\": {}}");
  EXPECT_EQ(found.calls.size(), 1U);
}

TEST(ToolCalls, AReplyThatIsNothingButACallIsOne) {
  const Found llama = read(R"({"name": "f", "parameters": {"q": "x"}})");
  ASSERT_EQ(llama.calls.size(), 1U);
  EXPECT_EQ(llama.calls[0].arguments, R"({"q":"x"})");
  EXPECT_EQ(llama.content, "");
  const Found two = read(R"({"name": "f", "parameters": {}}; {"name": "g", "parameters": {}})");
  ASSERT_EQ(two.calls.size(), 2U);
  EXPECT_EQ(two.calls[1].name, "g");
  EXPECT_EQ(read(R"([{"name": "f", "arguments": {}}])").calls.size(), 1U);
}

}  // namespace
}  // namespace hearth::server
