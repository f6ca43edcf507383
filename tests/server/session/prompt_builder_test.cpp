#include "server/session/prompt_builder.h"

#include <gtest/gtest.h>

#include "tests/server/session/support/fake_text.h"

namespace hearth::server {
namespace {

using testing::byte_model;
using testing::text_of;

MessageId id(std::uint8_t number) {
  MessageId made;
  made.bytes[0] = number;
  return made;
}

// Turns alternate, the first is a user's; ids count from 1.
PromptJob job(std::int64_t context, const std::vector<std::string>& contents) {
  PromptJob made{.model = byte_model(context)};
  for (const std::string& content : contents) {
    const auto number = static_cast<std::uint8_t>(made.turns.size() + 1);
    made.turns.push_back({id(number), number % 2 == 1 ? Role::user : Role::assistant, content});
  }
  return made;
}

TEST(PromptBuilder, RendersTheWholeConversation) {
  PromptJob hello = job(1000, {"hi", "hello", "how are you?"});
  hello.system = "Be kind.";
  const auto prompt = build_prompt(hello);
  ASSERT_TRUE(prompt.has_value());
  EXPECT_EQ(text_of(prompt->ids), "system:Be kind.|user:hi|assistant:hello|user:how are you?|>");
  EXPECT_TRUE(prompt->dropped.empty());
}

TEST(PromptBuilder, DropsWholeExchangesFromTheFrontAndSaysWhich) {
  PromptJob tight = job(60, {"one", "1", "two", "2", "three"});
  tight.system = "S";
  const auto prompt = build_prompt(tight);
  ASSERT_TRUE(prompt.has_value());
  EXPECT_EQ(text_of(prompt->ids), "system:S|user:two|assistant:2|user:three|>");
  EXPECT_EQ(prompt->dropped, (std::vector{id(1), id(2)}));
  EXPECT_LE(static_cast<std::int64_t>(prompt->ids.size()) + prompt->max_tokens, 60);
}

TEST(PromptBuilder, DropsNoMoreThanItMust) {
  for (std::int64_t context = 40; context < 200; ++context) {
    const auto prompt = build_prompt(job(context, {"one", "1", "two", "2", "three", "3", "four"}));
    if (!prompt) continue;
    const auto used = static_cast<std::int64_t>(prompt->ids.size());
    EXPECT_LE(used + kReplyRoom, context);
    // The exchange that was dropped last would not have fitted: "user:one|assistant:1|" has 21
    // bytes.
    const std::int64_t exchange = prompt->dropped.size() == 6 ? 23 : 21;
    if (!prompt->dropped.empty()) {
      EXPECT_GT(used + exchange + kReplyRoom, context);
    }
  }
}

TEST(PromptBuilder, AMessageThatCannotFitIsRefusedWithBothNumbers) {
  const auto prompt = build_prompt(job(40, {"one", "1", std::string(50, 'x')}));
  ASSERT_FALSE(prompt.has_value());
  EXPECT_EQ(prompt.error().error.code, ErrorCode::context_length_exceeded);
  EXPECT_EQ(prompt.error().needed, 57 + kReplyRoom);  // "user:" + 50 + "|>"
  EXPECT_EQ(prompt.error().limit, 40);
}

TEST(PromptBuilder, TheBoundIsExact) {
  const std::int64_t size = 7 + 20;
  EXPECT_TRUE(build_prompt(job(size + kReplyRoom, {std::string(20, 'x')})).has_value());
  EXPECT_FALSE(build_prompt(job(size + kReplyRoom - 1, {std::string(20, 'x')})).has_value());
}

TEST(PromptBuilder, TheRoomOfAReplyIsASetting) {
  PromptJob tight = job(30, {std::string(20, 'x')});
  tight.reply_room = 3;
  EXPECT_TRUE(build_prompt(tight).has_value());
  tight.reply_room = 4;
  EXPECT_FALSE(build_prompt(tight).has_value());
}

TEST(PromptBuilder, AShortReplyNeedsLessRoom) {
  PromptJob tiny = job(28, {std::string(20, 'x')});
  EXPECT_FALSE(build_prompt(tiny).has_value());
  tiny.max_tokens = 1;
  ASSERT_TRUE(build_prompt(tiny).has_value());
  EXPECT_EQ(build_prompt(tiny)->max_tokens, 1);
}

TEST(PromptBuilder, LengthIsAsAskedElseTheFoldersElse4096CutToTheRoom) {
  PromptJob roomy = job(100'000, {"x"});
  EXPECT_EQ(build_prompt(roomy)->max_tokens, 4096);
  roomy.max_tokens = 7;
  EXPECT_EQ(build_prompt(roomy)->max_tokens, 7);
  roomy.max_tokens = 9999;
  EXPECT_EQ(build_prompt(roomy)->max_tokens, 4096);  // max_tokens_limit
  auto model = std::make_shared<ModelInfo>(*roomy.model);
  model->max_new_tokens = 50;
  roomy.model = model;
  roomy.max_tokens.reset();
  EXPECT_EQ(build_prompt(roomy)->max_tokens, 50);
  EXPECT_EQ(build_prompt(job(100, {"x"}))->max_tokens, 100 - 8);
}

TEST(PromptBuilder, ARefusalOfTheTemplateIsAValue) {
  const auto prompt = build_prompt(job(1000, {"REFUSE"}));
  ASSERT_FALSE(prompt.has_value());
  EXPECT_EQ(prompt.error().error.code, ErrorCode::template_raised);
}

}  // namespace
}  // namespace hearth::server
