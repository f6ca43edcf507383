// Replies that think before they answer: channels, budget, "answer now"; and how full the room is.
#include "server/session/thought.h"

#include <gtest/gtest.h>

#include "server/session/prompt_builder.h"
#include "server/session/room_pulse.h"
#include "tests/server/session/support/room.h"

namespace hearth::server::testing {
namespace {

constexpr TokenId kOpen = 257;
constexpr TokenId kClose = 258;
const engine::ThoughtRule kRule{.open = kOpen, .close = kClose, .closing = {'\n', kClose, '\n'}};

std::vector<TokenId> ids_of(std::string_view text) {
  std::vector<TokenId> ids;
  for (const char c : text)
    ids.push_back(c == '<' ? kOpen : c == '>' ? kClose : TokenId{static_cast<unsigned char>(c)});
  return ids;
}

// `<` and `>` are the marks.
ReplyText text_of_tokens(std::string_view tokens, engine::ThoughtRule rule = kRule) {
  ReplyText text(std::make_shared<ByteTokenizer>(), {}, 0, std::move(rule));
  engine::GenerationRequest request;
  request.prompt_ids = {1};
  request.max_tokens = 5000;
  engine::TokenStream stream(request);
  for (const TokenId id : ids_of(tokens)) stream.append({.id = id}, {});
  text.pull(stream);
  text.finish();
  return text;
}

TEST(ThoughtText, ComesInItsOwnChannelWithoutTheMarks) {
  const ReplyText text = text_of_tokens("<hm>yes");
  const Delta thought = text.slice({}, 0);
  EXPECT_EQ(thought.channel, Channel::reasoning);
  EXPECT_EQ(thought.to, 4U);
  EXPECT_EQ(thought.text, "hm");
  EXPECT_EQ(thought.bytes, (std::vector<std::uint32_t>{0, 1, 1, 0}));
  const Delta answer = text.slice({}, 4);
  EXPECT_EQ(answer.channel, Channel::answer);
  EXPECT_EQ(answer.to, 7U);
  EXPECT_EQ(answer.text, "yes");
  EXPECT_EQ(text.text(), "<think>hm</think>yes");
}

TEST(ThoughtText, IsTheSameFromWhereverItIsRead) {
  const ReplyText text = text_of_tokens("<one two>three");
  for (std::size_t from = 0; from < text.to(); ++from) {
    std::string thought;
    std::string answer;
    for (const std::size_t start : {std::size_t{0}, from}) {
      const std::size_t end = start == from ? text.to() : from;
      for (std::size_t at = start; at < end;) {
        const Delta delta = text.slice({}, at);
        for (std::size_t i = at; i < std::min(delta.to, end); ++i) {
          std::size_t begin = 0;
          for (std::size_t j = at; j < i; ++j) begin += delta.bytes[j - at];
          (delta.channel == Channel::answer ? answer : thought) +=
              delta.text.substr(begin, delta.bytes[i - at]);
        }
        at = std::min(delta.to, end);
      }
      if (from == 0) break;
    }
    EXPECT_EQ(thought, "one two");
    EXPECT_EQ(answer, "three");
  }
}

TEST(ThoughtText, BeginsAtOnceWhereThePromptOpenedIt) {
  engine::ThoughtRule rule = kRule;
  rule.begins_open = true;
  const ReplyText text = text_of_tokens("hm>yes", rule);
  EXPECT_EQ(text.slice({}, 0).text, "hm");
  EXPECT_EQ(text.slice({}, 3).text, "yes");
  EXPECT_EQ(text.text(), "<think>hm</think>yes");
}

TEST(ThoughtText, ThatIsNotClosedIsThoughtToTheEnd) {
  const ReplyText text = text_of_tokens("<hm");
  EXPECT_TRUE(text.is_thinking());
  EXPECT_EQ(text.slice({}, 0).text, "hm");
  EXPECT_EQ(parts_of(text.text()).reasoning, "hm");
  EXPECT_EQ(parts_of(text.text()).answer, "");
}

TEST(ThoughtText, MarksInTheMiddleOfAnAnswerAreNone) {
  const ReplyText text = text_of_tokens("a<b>c");
  EXPECT_EQ(text.slice({}, 0).channel, Channel::answer);
  EXPECT_EQ(text.slice({}, 0).to, text.to());
}

TEST(ReplyParts, AreWhatStandsBetweenTheMarksAndBehindThem) {
  EXPECT_EQ(parts_of("<think>a</think>b").reasoning, "a");
  EXPECT_EQ(parts_of("<think>a</think>b").answer, "b");
  EXPECT_EQ(parts_of("no <think>a</think>b").answer, "no <think>a</think>b");
  EXPECT_EQ(parts_of("").answer, "");
}

class Thinker : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = std::make_shared<ModelInfo>(*byte_model());
    model->thoughts = kRule;
    room.service->set_model({.id = "test", .state = ModelState::ready, .info = model});
    tab->receive();
  }

  const engine::GenerationRequest& request() {
    return room.engine.requests.at(room.last()).request;
  }
  void write(std::string_view tokens) {
    for (const TokenId id : ids_of(tokens))
      room.engine.requests.at(room.last()).stream->append({.id = id}, {});
    room.engine.requests.at(room.last()).stream->set_queue_position(-1);
    room.progressed(room.last());
  }
  // Deltas of one stream are paced: the next one comes with a later tick.
  std::vector<json> receive_paced(std::string_view type) {
    std::vector<json> events = tab->receive_all(type);
    for (int i = 0; i < 3; ++i) {
      room.tick(Milliseconds(100));
      for (json& event : tab->receive_all(type)) events.push_back(std::move(event));
    }
    return events;
  }
  json answer_now(Tab& from, const json& stream) {
    from.send({{"type", "chat.answer"}, {"id", "n"}, {"stream", stream}});
    return from.receive_only();
  }

  Room room;
  User ada = room.new_user();
  std::unique_ptr<Tab> tab = room.enter(ada);
};

TEST_F(Thinker, IsAnnouncedAsOne) {
  auto late = std::make_unique<Tab>(room, ada);
  late->send({{"type", "hello"}});
  room.settle();
  const std::vector<json> events = late->receive();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front()["models"][0]["thinks"], true);
}

TEST_F(Thinker, WritesThoughtsAndAnswerInTwoChannels) {
  room.ask(*tab, "why");
  write("<hm>yes");
  const auto deltas = receive_paced("delta");
  ASSERT_EQ(deltas.size(), 2U);
  EXPECT_EQ(deltas[0]["channel"], "reasoning");
  EXPECT_EQ(deltas[0]["text"], "hm");
  EXPECT_FALSE(deltas[1].contains("channel"));
  EXPECT_EQ(deltas[1]["text"], "yes");
  EXPECT_EQ(deltas[1]["from"], deltas[0]["to"]);
}

TEST_F(Thinker, IsReadFromTheHistoryInTwoParts) {
  const json accepted = room.ask(*tab, "why");
  write("<hm>yes");
  room.finish(room.last());
  tab->receive();
  tab->send({{"type", "history.get"}, {"id", "h"}, {"conversation", accepted["conversation"]}});
  room.settle();
  const json message = tab->receive_only()["data"]["messages"][1];
  EXPECT_EQ(message["content"], "yes");
  EXPECT_EQ(message["reasoning"], "hm");
  tab->send(
      {{"type", "stream.attach"}, {"id", "a"}, {"stream", accepted["stream"]}, {"have", 100}});
  room.settle();
  const json parts = tab->receive_all("snapshot").at(0)["parts"];
  EXPECT_EQ(parts, json::array({{{"channel", "reasoning"}, {"text", "hm"}},
                                {{"channel", "answer"}, {"text", "yes"}}}));
}

TEST_F(Thinker, GoesOnAfterACutAsIfThereHadBeenNone) {
  const json accepted = room.ask(*tab, "why");
  write("<hm");
  room.finish(room.last(), engine::FinishReason::length);
  tab->receive();
  tab->send({{"type", "chat.continue"},
             {"id", "g"},
             {"conversation", accepted["conversation"]},
             {"message", accepted["stream"]}});
  room.settle();
  write("m>yes");
  room.finish(room.last());
  tab->receive();
  tab->send({{"type", "history.get"}, {"id", "h"}, {"conversation", accepted["conversation"]}});
  room.settle();
  const json message = tab->receive_only()["data"]["messages"][1];
  EXPECT_EQ(message["reasoning"], "hmm");
  EXPECT_EQ(message["content"], "yes");
}

TEST_F(Thinker, GetsTheBudgetThatWasAskedFor) {
  room.ask(*tab, "why", {{"params", {{"thinking_budget", 7}}}});
  EXPECT_EQ(request().thoughts.budget, 7);
  EXPECT_EQ(request().thoughts.closing, kRule.closing);
  EXPECT_FALSE(request().thoughts.begins_open);
}

TEST_F(Thinker, WithoutABudgetHasNone) {
  room.ask(*tab, "why");
  EXPECT_EQ(request().thoughts.budget, -1);
}

TEST_F(Thinker, AnswersWhenAskedTo) {
  const json accepted = room.ask(*tab, "why");
  write("<hm");
  tab->receive();
  EXPECT_EQ(answer_now(*tab, accepted["stream"])["data"]["stream"], accepted["stream"]);
  EXPECT_EQ(room.engine.answered, std::vector<engine::RequestId>{room.last()});
}

TEST_F(Thinker, AnswersAtOnceWhenAskedBeforeItBegan) {
  const json accepted = room.ask(*tab, "why");
  tab->receive();
  EXPECT_EQ(answer_now(*tab, accepted["stream"])["type"], "result");
}

TEST_F(Thinker, ThatWaitsItsTurnBeginsWithTheAnswer) {
  room.ask(*tab, "one");
  room.ask(*tab, "two");
  const engine::RequestId first = room.engine.order.front();
  const json third = room.ask(*tab, "three");
  ASSERT_EQ(room.engine.order.size(), 2U);
  tab->receive();
  EXPECT_EQ(answer_now(*tab, third["stream"])["type"], "result");
  EXPECT_TRUE(room.engine.answered.empty());
  room.finish(first);
  EXPECT_EQ(request().thoughts.budget, 0);
}

TEST_F(Thinker, ThatAnswersAlreadyCannotBeHurried) {
  const json accepted = room.ask(*tab, "why");
  write("<hm>y");
  receive_paced("delta");
  EXPECT_EQ(answer_now(*tab, accepted["stream"])["error"]["code"], "conflict");
  room.finish(room.last());
  tab->receive();
  EXPECT_EQ(answer_now(*tab, accepted["stream"])["error"]["code"], "conflict");
  EXPECT_TRUE(room.engine.answered.empty());
}

TEST_F(Thinker, OfSomebodyElseDoesNotExist) {
  const json accepted = room.ask(*tab, "why");
  const auto other = room.enter();
  EXPECT_EQ(answer_now(*other, accepted["stream"])["error"]["code"], "not_found");
  EXPECT_EQ(answer_now(*other, std::string(32, '0'))["error"]["code"], "not_found");
}

TEST(ThoughtPrompt, OpensTheThoughtsWhenItEndsWithTheMark) {
  const ByteTokenizer tokenizer;
  EXPECT_TRUE(opens_thought(ids_of("a<"), kRule, tokenizer));
  EXPECT_TRUE(opens_thought(ids_of("a<\n"), kRule, tokenizer));
  EXPECT_FALSE(opens_thought(ids_of("a<x"), kRule, tokenizer));
  EXPECT_FALSE(opens_thought(ids_of("a<\n>\n"), kRule, tokenizer));
  EXPECT_FALSE(opens_thought(ids_of("a<"), {}, tokenizer));
}

TEST(ThoughtPrompt, WithoutThoughtsSaysSoToTheTemplate) {
  auto model = std::make_shared<ModelInfo>(*byte_model());
  model->chat_template = *engine::ChatTemplate::compile(
      "{{ messages[0].content }}{% if enable_thinking is defined and enable_thinking is false "
      "%}!{% endif %}");
  PromptJob job{.model = model, .turns = {{{}, Role::user, "hi"}}, .thinks = false};
  EXPECT_EQ(text_of(build_prompt(job)->ids), "hi!");
  job.thinks = true;
  EXPECT_EQ(text_of(build_prompt(job)->ids), "hi");
}

TEST(RoomPulse, TellsNothingBeforeThereIsASecondPerson) {
  RoomPulse pulse;
  pulse.greet();
  EXPECT_FALSE(pulse.tell({.people = 1, .running = 1}, Instant{}));
  EXPECT_TRUE(pulse.tell({.people = 2, .running = 1}, Instant{}));
  EXPECT_TRUE(pulse.tell({.people = 1}, Instant{}));
}

TEST(RoomPulse, TellsChangesAndWhoeverIsNew) {
  RoomPulse pulse;
  ASSERT_TRUE(pulse.tell({.people = 3}, Instant{}));
  EXPECT_FALSE(pulse.tell({.people = 3}, Instant{}));
  pulse.greet();
  EXPECT_TRUE(pulse.tell({.people = 3}, Instant{}));
  EXPECT_FALSE(pulse.is_due(Instant{} + Milliseconds(999)));
  EXPECT_TRUE(pulse.is_due(Instant{} + Milliseconds(1000)));
}

TEST(RoomPulse, CountsPeopleNotSocketsAndNotReplies) {
  Room room;
  const User ada = room.new_user();
  const auto laptop = room.enter(ada);
  const auto phone = room.enter(ada);
  const auto other = room.enter();
  room.ask(*laptop, "one");
  room.write(room.last(), "a");
  room.ask(*phone, "two");
  room.tick(Milliseconds(1000));
  laptop->receive();
  EXPECT_EQ(laptop->rooms.back(),
            (json{{"type", "room"}, {"people", 2}, {"running", 1}, {"queued", 0}}));
  other->close();
  room.tick(Milliseconds(1000));
  laptop->receive();
  EXPECT_EQ(laptop->rooms.back()["people"], 1);
}

}  // namespace
}  // namespace hearth::server::testing
