#include "server/session/outbox.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace hearth::server {
namespace {

using nlohmann::json;

constexpr Milliseconds kWindow{20};
const Instant kStart{std::chrono::hours(1)};

MessageId stream(std::uint8_t number) {
  MessageId id;
  id.bytes[0] = number;
  return id;
}

// Token i of a stream is the letter i, so that a text tells which tokens it holds.
Delta tokens(std::uint8_t number, std::size_t from, std::size_t to,
             Channel channel = Channel::answer) {
  Delta delta{.stream = stream(number), .from = from, .to = to, .channel = channel};
  for (std::size_t i = from; i < to; ++i) {
    delta.text += static_cast<char>('a' + i % 26);
    delta.lp.push_back(-1.0F);
    delta.bytes.push_back(1);
  }
  return delta;
}

OutEvent event_of(const MessageId& stream, std::string frame) {
  return {.frame = std::move(frame), .stream = stream};
}

// The frame that is taken, or "null".
std::string taken(Outbox& outbox, Instant now) {
  const auto event = outbox.take(now);
  return event ? event->frame : "null";
}

TEST(Outbox, TheFirstDeltaOfAStreamGoesAtOnce) {
  Outbox outbox(64, 1000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 1), kStart));
  EXPECT_TRUE(outbox.take(kStart).has_value());
}

TEST(Outbox, LaterDeltasWaitForTheWindowAndMerge) {
  Outbox outbox(64, 10000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 1), kStart));
  ASSERT_TRUE(outbox.take(kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 1, 2), kStart + Milliseconds(1)));
  EXPECT_FALSE(outbox.take(kStart + Milliseconds(19)).has_value());
  ASSERT_TRUE(outbox.push(tokens(1, 2, 4), kStart + Milliseconds(19)));
  const auto frame = outbox.take(kStart + Milliseconds(20));
  ASSERT_TRUE(frame.has_value());
  const json delta = json::parse(frame->frame);
  EXPECT_EQ(delta["from"], 1);
  EXPECT_EQ(delta["to"], 4);
  EXPECT_EQ(delta["text"], "bcd");
  EXPECT_EQ(delta["lp"].size(), 3U);
  EXPECT_EQ(delta["bytes"].size(), 3U);
}

TEST(Outbox, WhatComesBehindADeltaLetsItGo) {
  Outbox outbox(64, 10000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 1), kStart));
  ASSERT_TRUE(outbox.take(kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 1, 2), kStart));
  ASSERT_TRUE(outbox.push(event_of(stream(1), R"({"type":"done"})")));
  EXPECT_EQ(json::parse(taken(outbox, kStart))["text"], "b");
  EXPECT_EQ(taken(outbox, kStart), R"({"type":"done"})");
}

TEST(Outbox, MergesAcrossOtherStreamsButNotAcrossItsOwnEvents) {
  Outbox outbox(64, 10000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 1), kStart));
  ASSERT_TRUE(outbox.push(tokens(2, 0, 1), kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 1, 2), kStart));
  EXPECT_EQ(outbox.entries(), 2U);
  ASSERT_TRUE(outbox.push(event_of(stream(1), "{}")));
  ASSERT_TRUE(outbox.push(tokens(1, 2, 3), kStart));
  EXPECT_EQ(outbox.entries(), 4U);
}

// Who attaches again while a delta waits gets an overlapping one; the client drops it by its range.
TEST(Outbox, OnlyRangesThatTouchAreMerged) {
  Outbox outbox(64, 10000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 3, 5), kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 0, 5), kStart));
  EXPECT_EQ(outbox.entries(), 2U);
}

TEST(Outbox, ChannelsStayApart) {
  Outbox outbox(64, 10000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 1, Channel::reasoning), kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 1, 2, Channel::answer), kStart));
  EXPECT_EQ(outbox.entries(), 2U);
}

TEST(Outbox, RefusesOneEntryBeyondItsNumber) {
  Outbox outbox(3, 10000, kWindow);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(outbox.push(OutEvent{.frame = "{}"}));
  EXPECT_FALSE(outbox.push(OutEvent{.frame = "{}"}));
  EXPECT_FALSE(outbox.push(tokens(1, 0, 1), kStart));
}

TEST(Outbox, RefusesOneByteBeyondItsSize) {
  Outbox outbox(64, 100, kWindow);
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(50, 'x')}));
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(50, 'x')}));
  EXPECT_FALSE(outbox.push(OutEvent{.frame = "x"}));
  EXPECT_EQ(outbox.bytes(), 100U);
}

TEST(Outbox, OneLargeEventMayWaitBesideTheOthers) {
  Outbox outbox(64, 100, kWindow);
  EXPECT_TRUE(outbox.push(OutEvent{.frame = "before"}));
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(500, 'x')}));
  EXPECT_FALSE(outbox.push(OutEvent{.frame = std::string(51, 'x')})) << "a second one";
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(50, 'x')}));
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(44, 'x')}));
  EXPECT_FALSE(outbox.push(OutEvent{.frame = "x"}));
  EXPECT_EQ(outbox.bytes(), 600U);
  taken(outbox, kStart);
  taken(outbox, kStart);
  EXPECT_FALSE(outbox.push(OutEvent{.frame = std::string(51, 'x')})) << "it is being written";
  taken(outbox, kStart);
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(51, 'x')}));
}

// Once, a reader that took nothing cost what was being written beside a full outbox.
TEST(Outbox, WhatIsBeingWrittenCountsUntilTheNextIsTaken) {
  Outbox outbox(64, 100, kWindow);
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(50, 'x')}));
  taken(outbox, kStart);
  EXPECT_EQ(outbox.bytes(), 50U);
  EXPECT_EQ(outbox.room(), 50U);
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(50, 'x')}));
  EXPECT_FALSE(outbox.push(OutEvent{.frame = "x"}));
  taken(outbox, kStart);
  EXPECT_TRUE(outbox.push(OutEvent{.frame = std::string(50, 'x')}));
  taken(outbox, kStart);
  EXPECT_EQ(taken(outbox, kStart), "null");
  EXPECT_EQ(outbox.bytes(), 0U);
}

// A connection that is being closed, whose last delta waits when its reply ends.
TEST(Outbox, ADeltaOfAForgottenStreamIsTakenAndNotRemembered) {
  Outbox outbox(64, 1000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 1), kStart));
  ASSERT_TRUE(outbox.take(kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 1, 2), kStart));
  outbox.forget(stream(1));
  EXPECT_EQ(json::parse(taken(outbox, kStart))["to"], 2);
  ASSERT_TRUE(outbox.push(tokens(1, 2, 3), kStart));
  EXPECT_TRUE(outbox.take(kStart)) << "a stream of which nothing is known goes at once";
}

TEST(Outbox, RoomIsWhatADeltaMayCost) {
  Outbox outbox(64, 1000, kWindow);
  const std::size_t room = outbox.room();
  EXPECT_EQ(room, 1000U);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 10), kStart));
  EXPECT_EQ(outbox.room(), room - Outbox::cost(10, 10));
}

TEST(Outbox, MergingIsBoundedInBytesToo) {
  Outbox outbox(64, 1000, kWindow);
  std::size_t at = 0;
  while (outbox.push(tokens(1, at, at + 1), kStart)) ++at;
  EXPECT_GT(at, 10U);
  EXPECT_LE(outbox.bytes(), 1000U);
}

TEST(Outbox, CountsItsBytesDownToZero) {
  Outbox outbox(64, 10000, kWindow);
  ASSERT_TRUE(outbox.push(tokens(1, 0, 5), kStart));
  ASSERT_TRUE(outbox.push(tokens(1, 5, 9), kStart));
  ASSERT_TRUE(outbox.push(OutEvent{.frame = "{}"}));
  while (outbox.take(kStart)) {
  }
  EXPECT_EQ(outbox.bytes(), 0U);
  EXPECT_TRUE(outbox.empty());
}

// Whatever is pushed and taken when: each stream's ranges are contiguous, its text is whole, its
// events keep their place.
RC_GTEST_PROP(Outbox, KeepsEachStreamContiguous, (const std::vector<std::uint8_t>& script)) {
  Outbox outbox(1000, 1'000'000, kWindow);
  Instant now = kStart;
  std::size_t pushed[3] = {0, 0, 0};
  std::size_t seen[3] = {0, 0, 0};
  std::string text[3];
  const auto drain = [&] {
    while (auto frame = outbox.take(now)) {
      const json event = json::parse(frame->frame);
      const std::size_t s = parse_id<MessageId>(event["stream"].get<std::string>())->bytes[0];
      if (event["type"] == "mark") {
        RC_ASSERT(event["at"] == seen[s]);
        continue;
      }
      RC_ASSERT(event["from"] == seen[s]);
      seen[s] = event["to"];
      text[s] += event["text"];
    }
  };
  for (const std::uint8_t step : script) {
    const std::uint8_t s = step % 3;
    if (step % 7 == 0) {
      const json mark = {{"type", "mark"}, {"stream", to_string(stream(s))}, {"at", pushed[s]}};
      RC_ASSERT(outbox.push(event_of(stream(s), mark.dump())));
    } else if (step % 7 == 1) {
      now += Milliseconds(step);
      drain();
    } else {
      const std::size_t to = pushed[s] + step % 4 + 1;
      RC_ASSERT(outbox.push(tokens(s, pushed[s], to), now));
      pushed[s] = to;
    }
  }
  while (!outbox.empty()) {
    now += kWindow;
    drain();
  }
  for (std::uint8_t s = 0; s < 3; ++s) {
    RC_ASSERT(seen[s] == pushed[s]);
    RC_ASSERT(text[s] == tokens(s, 0, pushed[s]).text);
  }
}

}  // namespace
}  // namespace hearth::server
