// The inspector's side of a conversation: asking for candidates, reading them back, branching.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Room;
using testing::Tab;

engine::TokenCandidates candidates_for(TokenId id) {
  engine::TokenCandidates kept;
  kept.candidates = {{.id = id, .logit = 2.0F, .score = 2.0F},
                     {.id = 'x', .logit = 1.0F, .score = 1.0F}};
  kept.num_listed = 2;
  kept.stages = {{engine::SamplingStage::raw, 2.3F, 257}};
  return kept;
}

class Inspect : public ::testing::Test {
 protected:
  const engine::GenerationRequest& request() {
    return room.engine.requests.at(room.last()).request;
  }
  // As the engine does it: candidates with each token, when they were asked for.
  void write(std::string_view bytes) {
    engine::TokenStream& stream = *room.engine.requests.at(room.last()).stream;
    stream.set_queue_position(-1);
    for (const char c : bytes) {
      const TokenId id = static_cast<unsigned char>(c);
      auto kept = request().is_inspected
                      ? std::make_unique<const engine::TokenCandidates>(candidates_for(id))
                      : nullptr;
      stream.append({.id = id, .logprob = -0.5F, .u = 0.25F, .rank = 3}, {}, std::move(kept));
    }
    room.progressed(room.last());
    room.settle();
  }
  // A whole exchange.
  json say(std::string_view reply, const json& more = json::object()) {
    json accepted = room.ask(*tab, "hi", more);
    write(reply);
    room.finish(room.last());
    tab->receive();
    return accepted;
  }
  json branch(const json& of, std::size_t at, std::optional<int> token,
              json more = json::object()) {
    json wish = {{"message", of["assistant_message"]}, {"at", at}};
    if (token) wish["token"] = *token;
    json message = {{"type", "chat.create"},
                    {"id", "b" + std::to_string(++num_branches)},
                    {"conversation", of["conversation"]},
                    {"parent", of["user_message"]},
                    {"regenerate", true},
                    {"branch", wish}};
    message.update(more);
    tab->send(message);
    room.settle();
    const auto events = tab->receive();
    return events.empty() ? json() : events.front();
  }
  Result<TracePage> tokens(const UserId& owner, const json& accepted, TraceRange range = {0, 256}) {
    std::optional<Result<TracePage>> answer;
    room.service->traces().tokens(owner, id_of(accepted), range,
                                  [&](Result<TracePage> page) { answer = std::move(page); });
    room.settle();
    if (*answer) {
      EXPECT_TRUE(unpack(**answer).has_value());
    }
    return *answer;
  }
  Result<TracedPrompt> prompt(const UserId& owner, const json& accepted) {
    std::optional<Result<TracedPrompt>> answer;
    room.service->traces().prompt(owner, id_of(accepted),
                                  [&](Result<TracedPrompt> made) { answer = std::move(made); });
    room.settle();
    return *answer;
  }
  static MessageId id_of(const json& accepted) {
    return *parse_id<MessageId>(accepted["assistant_message"].get<std::string>());
  }
  static std::string text_of(const std::vector<TracedToken>& tokens) {
    std::string text;
    for (const TracedToken& token : tokens) text += static_cast<char>(token.record.id);
    return text;
  }

  Room room;
  User ada = room.new_user();
  std::unique_ptr<Tab> tab = room.enter(ada);
  int num_branches = 0;
};

TEST_F(Inspect, TokensOfEveryReplyAreKeptAndCandidatesOnlyWhenAsked) {
  const json plain = say("hello");
  EXPECT_FALSE(request().is_inspected);
  EXPECT_FALSE(plain.contains("inspect"));
  const TracePage page = tokens(ada.id, plain).value();
  EXPECT_EQ(text_of(page.tokens), "hello");
  EXPECT_EQ(page.tokens[4].record.rank, 3);
  EXPECT_EQ(page.tokens[4].bytes, 1U);
  EXPECT_FALSE(page.head.is_inspected);
  EXPECT_FALSE(page.has_candidates);
  EXPECT_EQ(page.state, "done");

  const json inspected = say("hello", {{"inspect", true}});
  EXPECT_TRUE(request().is_inspected);
  EXPECT_EQ(inspected["inspect"], true);
  const TracePage more = tokens(ada.id, inspected, {1, 3}).value();
  EXPECT_EQ(text_of(more.tokens), "el");
  EXPECT_EQ(more.num_traced, 5U);
  ASSERT_NE(more.tokens[0].candidates, nullptr);
  EXPECT_EQ(*more.tokens[0].candidates, candidates_for('e'));
}

TEST_F(Inspect, ShowsAReplyWhileItIsWritten) {
  const json accepted = room.ask(*tab, "hi", {{"inspect", true}});
  write("abc");
  const TracePage page = tokens(ada.id, accepted).value();
  EXPECT_EQ(page.state, "running");
  EXPECT_EQ(text_of(page.tokens), "abc");
  EXPECT_NE(page.tokens[2].candidates, nullptr);
}

TEST_F(Inspect, LongRepliesAreReadInParts) {
  std::string reply;
  for (int i = 0; i < 300; ++i) reply += static_cast<char>('a' + i % 26);
  const json accepted = say(reply, {{"inspect", true}});
  const TracePage page = tokens(ada.id, accepted, {100, 170}).value();
  EXPECT_EQ(text_of(page.tokens), reply.substr(100, 70));
  EXPECT_EQ(page.num_traced, 300U);
  for (const TracedToken& token : page.tokens) EXPECT_NE(token.candidates, nullptr);
  EXPECT_TRUE(tokens(ada.id, accepted, {300, 400})->tokens.empty());
  EXPECT_TRUE(tokens(ada.id, accepted, {1000, 2000})->tokens.empty());
}

TEST_F(Inspect, NobodyElseMayLookAndWhatIsDeletedIsGone) {
  const json accepted = say("secret", {{"inspect", true}});
  const User eve = room.new_user();
  EXPECT_EQ(tokens(eve.id, accepted).error().code, ErrorCode::not_found);
  EXPECT_EQ(prompt(eve.id, accepted).error().code, ErrorCode::not_found);
  json question = accepted;
  question["assistant_message"] = accepted["user_message"];
  EXPECT_EQ(tokens(ada.id, question).error().code, ErrorCode::not_found);
  tab->send({{"type", "history.delete"}, {"id", "d"}, {"conversation", accepted["conversation"]}});
  room.settle();
  EXPECT_EQ(tokens(ada.id, accepted).error().code, ErrorCode::not_found);
  EXPECT_EQ(prompt(ada.id, accepted).error().code, ErrorCode::not_found);
}

TEST_F(Inspect, PromptIsTheVeryIdsWhenInspectedAndRebuiltOtherwise) {
  const json inspected = say("one", {{"inspect", true}});
  const TracedPrompt kept = prompt(ada.id, inspected).value();
  EXPECT_FALSE(kept.is_rebuilt);
  EXPECT_EQ(testing::text_of(kept.ids), "user:hi|>");
  EXPECT_EQ(kept.cached_tokens, 3);
  const json plain = say("two", {{"conversation", inspected["conversation"]}});
  const TracedPrompt rebuilt = prompt(ada.id, plain).value();
  EXPECT_TRUE(rebuilt.is_rebuilt);
  EXPECT_EQ(testing::text_of(rebuilt.ids), "user:hi|assistant:one|user:hi|>");
}

TEST_F(Inspect, OnlySoManyRepliesAreInspectedAtOnce) {
  Limits limits;
  limits.service.inspected_total = 1;
  limits.service.running_per_user = 4;
  Room small(limits);
  const auto one = small.enter();
  EXPECT_EQ(small.ask(*one, "a", {{"inspect", true}})["inspect"], true);
  const json second = small.ask(*one, "b", {{"inspect", true}});
  EXPECT_TRUE(second.is_object());
  EXPECT_FALSE(second.contains("inspect"));
  small.finish(small.last() - 1);
  EXPECT_EQ(small.ask(*one, "c", {{"inspect", true}})["inspect"], true);
}

TEST_F(Inspect, BranchTakesOverTheFirstTokensAndForcesTheNext) {
  const json first = say("hello", {{"inspect", true}});
  const json other = branch(first, 2, 'y', {{"inspect", true}});
  ASSERT_EQ(other["type"], "accepted") << other;
  EXPECT_EQ(other["user_message"], first["user_message"]);
  EXPECT_NE(other["assistant_message"], first["assistant_message"]);
  EXPECT_EQ(other["branch"], (json{{"message", first["assistant_message"]}, {"at", 2}}));
  ASSERT_EQ(request().given.size(), 2U);
  EXPECT_EQ(request().given[1].id, 'e');
  EXPECT_EQ(request().given[1].logprob, -0.5F);
  EXPECT_EQ(request().forced_ids, std::vector<TokenId>{'y'});
  EXPECT_EQ(request().prompt_ids.size(), std::string("user:hi|>").size());
  write("y!");
  room.finish(room.last());
  std::string text;
  for (const json& delta : tab->receive_all("delta")) text += delta["text"].get<std::string>();
  const TracePage page = tokens(ada.id, other).value();
  EXPECT_EQ(text_of(page.tokens), "hey!");
  EXPECT_EQ(page.head.branch->at, 2U);
  for (const TracedToken& token : page.tokens) EXPECT_NE(token.candidates, nullptr);
}

TEST_F(Inspect, BranchWithoutATokenDrawsAgain) {
  const json first = say("hello");
  ASSERT_EQ(branch(first, 4, {})["type"], "accepted");
  EXPECT_EQ(request().given.size(), 4U);
  EXPECT_TRUE(request().forced_ids.empty());
  EXPECT_FALSE(request().is_inspected);
}

TEST_F(Inspect, BranchFromTheFirstTokenGivesNothing) {
  const json first = say("hello");
  ASSERT_EQ(branch(first, 0, 'j')["type"], "accepted");
  EXPECT_TRUE(request().given.empty());
  EXPECT_EQ(request().forced_ids, std::vector<TokenId>{'j'});
}

TEST_F(Inspect, ImpossibleBranchesAreRefused) {
  const json first = say("hello");
  const auto code = [](const json& event) {
    return event["error"]["code"].get<std::string>() + " " + event["error"].value("param", "");
  };
  EXPECT_EQ(code(branch(first, 5, 'j')), "invalid_parameter branch.at");
  EXPECT_EQ(code(branch(first, 1, 999)), "invalid_parameter branch.token");
  EXPECT_EQ(code(branch(first, 3, 'j', {{"params", {{"max_tokens", 3}}}})),
            "invalid_parameter branch.at");
  json stranger = first;
  stranger["assistant_message"] = std::string(32, 'a');
  EXPECT_EQ(code(branch(stranger, 1, 'j')), "not_found branch");
  const json elsewhere = say("other", {{"conversation", first["conversation"]}});
  json mixed = first;
  mixed["assistant_message"] = elsewhere["assistant_message"];
  EXPECT_EQ(code(branch(mixed, 1, 'j')), "not_found branch");
  tab->send({{"type", "chat.create"},
             {"id", "no"},
             {"content", "x"},
             {"branch", {{"message", first["assistant_message"]}, {"at", 1}}}});
  EXPECT_EQ(code(tab->receive_only()), "invalid_parameter branch");
  const json live = room.ask(*tab, "go on");
  EXPECT_EQ(code(branch(live, 0, 'j')), "conflict branch");
}

// A branch of an ended reply is asked while its conversation's other replies go on.
TEST_F(Inspect, TracesOfAnInterruptedReplyReachAsFarAsWhatWasStored) {
  const json accepted = room.ask(*tab, "hi");
  write(std::string(130, 'a'));
  room.service->begin_drain([] {});
  room.tick(Limits{}.service.drain_timeout);
  const TracePage page = tokens(ada.id, accepted).value();
  EXPECT_EQ(page.state, "interrupted");
  EXPECT_EQ(page.num_traced, 130U);
}

class Steps : public Inspect {
 protected:
  json begin(const json& more = json::object()) {
    json message = {{"step", true}};
    message.update(more);
    return room.ask(*tab, "hi", message);
  }
  std::vector<json> step(const json& accepted, json more = json::object()) {
    json message = {{"type", "chat.step"},
                    {"id", "s" + std::to_string(++num_branches)},
                    {"stream", accepted["assistant_message"]}};
    message.update(more);
    tab->receive();
    tab->send(message);
    room.settle();
    return tab->receive();
  }
  void end_of_step(std::string_view bytes) {
    write(bytes);
    room.finish(room.last(), engine::FinishReason::length);
  }
  static std::string types(const std::vector<json>& events) {
    std::string all;
    for (const json& event : events) all += event["type"].get<std::string>() + " ";
    return all;
  }
};

TEST_F(Steps, AReplyIsWrittenOnDemandAndHoldsNothingInBetween) {
  const json accepted = begin({{"inspect", true}});
  EXPECT_EQ(accepted["step"], true);
  EXPECT_TRUE(room.engine.order.empty());
  EXPECT_EQ(types(step(accepted, {{"tokens", 2}})), "result ");
  EXPECT_EQ(request().max_tokens, 2);
  end_of_step("ab");
  auto events = tab->receive();
  EXPECT_EQ(events.back(), (json{{"type", "paused"}, {"stream", accepted["stream"]}, {"to", 2}}));
  EXPECT_EQ(room.service->stats().running, 0);
  for (int i = 0; i < 3; ++i) room.tick(Limits{}.service.queue_events_every);
  EXPECT_TRUE(tab->receive().empty()) << "told once";

  step(accepted, {{"token", 'z'}});
  EXPECT_EQ(request().given.size(), 2U);
  EXPECT_EQ(request().given[1].id, 'b');
  EXPECT_EQ(request().forced_ids, std::vector<TokenId>{'z'});
  EXPECT_EQ(request().max_tokens, 3);
  end_of_step("z");
  EXPECT_EQ(tab->receive().back()["to"], 3);

  step(accepted, {{"tokens", 100}});
  EXPECT_TRUE(request().forced_ids.empty());
  write("!");
  room.finish(room.last());
  events = tab->receive();
  EXPECT_EQ(events.back()["type"], "done");
  EXPECT_EQ(events.back()["to"], 4);
  const TracePage page = tokens(ada.id, accepted).value();
  EXPECT_EQ(text_of(page.tokens), "abz!");
  for (const TracedToken& token : page.tokens) EXPECT_NE(token.candidates, nullptr);
}

TEST_F(Steps, LastStepEndsTheReplyAtItsLength) {
  const json accepted = begin({{"params", {{"max_tokens", 2}}}});
  step(accepted, {{"tokens", 5}});
  EXPECT_EQ(request().max_tokens, 2);
  end_of_step("ab");
  EXPECT_EQ(tab->receive().back()["finish_reason"], "length");
}

// The steps after the first find the prompt in the cache: their times are not those of the reply.
TEST_F(Steps, TheTimeToTheFirstTokenIsThatOfTheFirstStep) {
  const json accepted = begin();
  step(accepted);
  room.engine.prefill_ms = 40.0;
  end_of_step("a");
  step(accepted);
  room.engine.prefill_ms = 2.0;
  write("b");
  room.finish(room.last());
  const json done = tab->receive().back();
  EXPECT_EQ(done["timings"]["prefill_ms"], 40.0);
  EXPECT_EQ(done["timings"]["decode_ms"], 0.0) << "not all of it was timed";
}

TEST_F(Steps, ARunIsPausedAndGoesOn) {
  const json accepted = begin();
  step(accepted, {{"tokens", 100}});
  write("abc");
  EXPECT_EQ(types(step(accepted, {{"tokens", 0}})), "result ");
  EXPECT_TRUE(room.engine.requests.at(room.last()).is_cancelled);
  room.finish(room.last(), engine::FinishReason::cancelled);
  EXPECT_EQ(tab->receive().back()["type"], "paused");
  step(accepted);
  EXPECT_EQ(request().given.size(), 3U);
}

TEST_F(Steps, PausedReplyIsAttachedCancelledAndInterrupted) {
  const json accepted = begin();
  step(accepted, {{"tokens", 1}});
  end_of_step("a");
  const auto other = room.enter(ada);
  other->send(
      {{"type", "stream.attach"}, {"id", "a"}, {"stream", accepted["stream"]}, {"have", 0}});
  room.settle();
  const auto events = other->receive();
  EXPECT_EQ(events.front()["data"]["state"], "paused");
  EXPECT_EQ(types(events), "result delta paused ");
  tab->send({{"type", "chat.cancel"}, {"id", "x"}, {"stream", accepted["stream"]}});
  room.settle();
  EXPECT_EQ(tab->receive_all("done").front()["finish_reason"], "cancelled");
  const json second = begin();
  room.service->begin_drain([] {});
  room.settle();
  EXPECT_EQ(tab->receive_all("done").front()["finish_reason"], "interrupted");
}

TEST_F(Steps, ImpossibleStepsAreRefused) {
  const auto code = [](const std::vector<json>& events) {
    return events.at(0)["error"]["code"].get<std::string>();
  };
  const json plain = room.ask(*tab, "hi");
  EXPECT_EQ(code(step(plain)), "invalid_parameter");
  const json accepted = begin();
  EXPECT_EQ(code(step(accepted, {{"token", 999}})), "invalid_parameter");
  EXPECT_EQ(code(step(accepted, {{"tokens", 5000}})), "invalid_parameter");
  step(accepted);
  EXPECT_EQ(code(step(accepted)), "conflict");
  EXPECT_EQ(code(step({{"assistant_message", std::string(32, 'a')}})), "not_found");
  const User eve = room.new_user();
  const auto stranger = room.enter(eve);
  stranger->send({{"type", "chat.step"}, {"id", "s"}, {"stream", accepted["stream"]}});
  EXPECT_EQ(stranger->receive_only()["error"]["code"], "not_found");
}

}  // namespace
}  // namespace hearth::server
