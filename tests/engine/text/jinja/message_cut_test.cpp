#include <string>

#include <gtest/gtest.h>

#include "engine/text/chat_messages.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

ordered_json last_message(const ordered_json& content) {
  return {{{"role", "user"}, {"content", "a"}}, {{"role", "assistant"}, {"content", content}}};
}

std::string cut(const std::string& rendered, const ordered_json& messages) {
  const auto result =
      cut_after_final_message(MarkedText(rendered, Origin::from_template), messages);
  return result ? result->text() : "!" + std::string(to_string(result.error().code));
}

TEST(ChatMessages, KeysWithoutAValueAreDropped) {
  const ordered_json messages = {{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", {1}}},
                                 "odd"};
  EXPECT_EQ(without_null_keys(messages).dump(), R"([{"role":"assistant","tool_calls":[1]},"odd"])");
}

TEST(ChatMessages, AContinuedReplyEndsWhereItsTextEnds) {
  EXPECT_EQ(cut("<u>a</u><a>The sky</a>\n", last_message("The sky")), "<u>a</u><a>The sky");
}

TEST(ChatMessages, SpaceAtTheEndStaysIfTheTemplateKeptIt) {
  EXPECT_EQ(cut("<a>The sky </a>", last_message("The sky ")), "<a>The sky ");
  EXPECT_EQ(cut("<a>The sky</a>", last_message(" The sky ")), "<a>The sky");
}

TEST(ChatMessages, TheLastOccurrenceIsTheMessage) {
  EXPECT_EQ(cut("<u>yes</u><a>yes</a>", last_message("yes")), "<u>yes</u><a>yes");
}

TEST(ChatMessages, OfSeveralPartsTheLastTextCounts) {
  const ordered_json parts = {{{"type", "text"}, {"text", "one"}},
                              {{"type", "text"}, {"text", "two"}},
                              {{"type", "image"}}};
  EXPECT_EQ(cut("<a>one two</a>", last_message(parts)), "<a>one two");
}

TEST(ChatMessages, WhatTheTemplateDidNotPrintCannotBeContinued) {
  EXPECT_EQ(cut("<a></a>", last_message("gone")), "!invalid_parameter");
  EXPECT_EQ(cut("<a></a>", last_message(nullptr)), "!invalid_parameter");
  EXPECT_EQ(cut("<a></a>", ordered_json::array()), "!invalid_parameter");
}

}  // namespace
}  // namespace hearth::engine
