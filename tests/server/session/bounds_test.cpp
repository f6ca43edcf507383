// What is bounded in time, number and depth: how old a socket may be, how long a reply is written,
// how many come from one address; and what the queue says.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/session/admission.h"
#include "server/session/strict_json.h"
#include "tests/server/session/support/room.h"

namespace hearth::server::testing {
namespace {

constexpr Milliseconds kAge{12 * 60 * 60'000};
constexpr Milliseconds kYoungest = kAge - kAge / 10;

bool was_told_to_leave(Tab& tab) {
  const auto notices = tab.receive_all("reconnect");
  return notices.size() == 1 && notices[0]["reason"] == "max_age" && tab.close_code() == 1012;
}

TEST(SocketAge, AfterTwelveHoursAtTheMostASocketIsToldToComeBack) {
  Room room;
  const auto tab = room.enter();
  room.tick(kYoungest - Milliseconds(1));
  EXPECT_EQ(tab->close_code(), std::nullopt);
  room.tick(kAge / 10 + Milliseconds(1));
  EXPECT_TRUE(was_told_to_leave(*tab));
}

TEST(SocketAge, ThoseWhoCameTogetherDoNotLeaveTogether) {
  Room room;
  std::vector<std::unique_ptr<Tab>> tabs;
  for (int i = 0; i < 50; ++i) tabs.push_back(room.enter());
  const auto told_now = [&] {
    std::size_t count = 0;
    for (const auto& tab : tabs) count += tab->receive_all("reconnect").size();
    return count;
  };
  room.tick(kYoungest - Milliseconds(1));
  EXPECT_EQ(told_now(), 0U);
  int num_times = 0;
  std::size_t num_told = 0;
  for (int i = 0; i <= 21; ++i) {
    const std::size_t told = told_now();
    num_told += told;
    num_times += told > 0 ? 1 : 0;
    room.tick(kAge / 200);
  }
  EXPECT_EQ(num_told, 50U);
  EXPECT_GE(num_times, 10);
  for (const auto& tab : tabs) EXPECT_EQ(tab->close_code(), 1012);
}

TEST(SocketAge, NobodyLeavesInTheMiddleOfAReply) {
  Limits limits;
  limits.service.running_per_user = 1;
  limits.service.reply_time = kAge * 10;
  limits.service.detach_grace_queued = kAge * 10;
  Room room(limits);
  const User ada = room.new_user();
  const auto reader = room.enter(ada);
  const auto waiting = room.enter(ada);
  room.ask(*reader, "first");
  room.write(room.last(), "Hel");
  room.ask(*waiting, "second");
  reader->receive();
  waiting->receive();
  room.tick(kAge);
  EXPECT_EQ(reader->close_code(), std::nullopt) << "it is being written";
  EXPECT_EQ(waiting->close_code(), std::nullopt) << "it waits";
  room.finish(room.last());
  EXPECT_EQ(reader->receive_all("done").size(), 1U);
  room.tick();
  EXPECT_TRUE(was_told_to_leave(*reader));
  room.write(room.last(), "Bye");
  room.finish(room.last());
  EXPECT_EQ(waiting->receive_all("done").size(), 1U);
  room.tick();
  EXPECT_TRUE(was_told_to_leave(*waiting));
}

TEST(SocketAge, NobodyLeavesBeforeTheirMessageIsAccepted) {
  Room room;
  const auto tab = room.enter();
  room.time.advance(kAge);
  tab->send({{"type", "chat.create"}, {"id", "c"}, {"content", "hi"}});
  room.service->on_tick();
  EXPECT_EQ(tab->close_code(), std::nullopt);
  room.settle();
  EXPECT_EQ(tab->receive_all("accepted").size(), 1U);
}

TEST(ReplyTime, AReplyEndsWithItsTextAfterTenMinutesOfWriting) {
  Room room;
  const auto tab = room.enter();
  room.ask(*tab, "hi");
  const auto id = room.last();
  room.tick(std::chrono::minutes(20));  // it waits: that does not count
  tab->receive();
  room.write(id, "so far");
  room.tick();
  tab->receive();
  room.tick(std::chrono::minutes(10) - Milliseconds(1));
  EXPECT_FALSE(room.engine.requests.at(id).is_cancelled);
  tab->receive();
  room.tick(Milliseconds(1));
  EXPECT_TRUE(room.engine.requests.at(id).is_cancelled);
  const auto done = tab->receive_all("done");
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0]["finish_reason"], "length");
  EXPECT_EQ(done[0]["to"], 6);
  EXPECT_EQ(room.service->admission().live(), 0);
}

UserId user(int number) {
  UserId id;
  id.bytes[0] = static_cast<std::uint8_t>(number);
  return id;
}

TEST(AdmissionPerAddress, HoldsForAllUsersOfOneAddressAndForNoOther) {
  ServiceLimits limits;
  limits.live_per_address = 3;
  Admission admission(limits);
  std::vector<Admission::Ticket> tickets;
  for (int i = 0; i < 3; ++i) {
    auto ticket = admission.enter(user(i), "192.0.2.1");
    ASSERT_TRUE(ticket);
    tickets.push_back(std::move(*ticket));
  }
  EXPECT_EQ(admission.enter(user(9), "192.0.2.1").error().code, ErrorCode::busy);
  EXPECT_EQ(admission.live(), 3) << "what is refused takes no place";
  EXPECT_TRUE(admission.enter(user(9), "192.0.2.2"));
  tickets.pop_back();
  EXPECT_TRUE(admission.enter(user(9), "192.0.2.1"));
}

TEST(AdmissionPerAddress, HoldsNotForThisMachineNorForNobodysAddress) {
  ServiceLimits limits;
  limits.live_per_address = 1;
  Admission admission(limits);
  std::vector<Admission::Ticket> tickets;
  for (const std::string peer : {"127.0.0.1", "127.0.0.1", "::1", "::1", "", ""}) {
    auto ticket = admission.enter(user(1), peer);
    ASSERT_TRUE(ticket) << peer;
    tickets.push_back(std::move(*ticket));
  }
}

TEST(AdmissionPerAddress, CountsWhatIsAskedOnSockets) {
  Limits limits;
  limits.service.live_per_address = 1;
  Room room(limits);
  const auto from = [&](const std::string& peer) {
    auto connection = room.service->connect({.user = room.new_user(), .wake = {}, .peer = peer});
    connection->on_text(R"({"type":"hello"})");
    room.settle();
    connection->on_text(R"({"type":"chat.create","id":"c","content":"hi"})");
    room.settle();
    std::string answer;
    while (auto frame = connection->take_frame()) answer += *frame;
    return answer;
  };
  EXPECT_NE(from("192.0.2.1").find("accepted"), std::string::npos);
  EXPECT_NE(from("192.0.2.1").find("busy"), std::string::npos);
  EXPECT_NE(from("192.0.2.2").find("accepted"), std::string::npos);
}

TEST(JsonDepth, IsASettingAtWhichAMessageIsReadAndOnePastNot) {
  Limits limits;
  limits.connection.json_depth = 4;
  Room room(limits);
  const auto tab = room.enter();
  tab->send_raw(R"({"type":"ping","t":1,"x":[[[]]]})");
  EXPECT_EQ(tab->receive_only()["type"], "pong");
  tab->send_raw(R"({"type":"ping","t":1,"x":[[[[]]]]})");
  EXPECT_EQ(tab->receive_only()["error"]["code"], "invalid_json");
}

TEST(JsonDepth, IsSeenWithoutReadingAndBracketsInTextDoNotCount) {
  EXPECT_FALSE(is_nested_deeper("[[]]", 2));
  EXPECT_TRUE(is_nested_deeper("[[[]]]", 2));
  EXPECT_TRUE(is_nested_deeper(R"({"a":[{}]})", 2));
  EXPECT_FALSE(is_nested_deeper(R"(["[[[[", "\"[[[", "\\"])", 1));
  EXPECT_TRUE(is_nested_deeper(R"(["\\", [])", 1));
  EXPECT_FALSE(is_nested_deeper("]]]][]", 1)) << "nothing that is no JSON is deep";
  EXPECT_FALSE(is_nested_deeper("", 1));
  EXPECT_FALSE(is_nested_deeper("\"\\", 1));
}

TEST(Queue, TellsEverybodyHowFullItIsAndEachOnlyOfTheirOwn) {
  Limits limits;
  limits.service.running_per_user = 1;
  Room room(limits);
  const User ada = room.new_user();
  const User bob = room.new_user();
  const auto page = room.enter(ada);
  const auto other = room.enter(bob);
  const std::string first = room.ask(*page, "one")["stream"];
  room.write(room.last(), "a");
  const std::string second = room.ask(*page, "two")["stream"];
  room.ask(*other, "three");
  room.write(room.last(), "b");
  room.tick(Milliseconds(500));
  const QueueView mine = room.service->queue_of(ada.id);
  EXPECT_EQ(mine.running, 2);
  EXPECT_EQ(mine.queued, 1);
  EXPECT_EQ(mine.taken, 3);
  EXPECT_EQ(mine.places, limits.service.live_total);
  ASSERT_EQ(mine.own.size(), 2U);
  EXPECT_EQ(to_string(mine.own[0].stream), first);
  EXPECT_EQ(mine.own[0].state, "running");
  EXPECT_FALSE(mine.own[0].place);
  EXPECT_EQ(to_string(mine.own[1].stream), second);
  EXPECT_EQ(mine.own[1].state, "queued");
  ASSERT_TRUE(mine.own[1].place);
  EXPECT_EQ(mine.own[1].place->position, 1);
  EXPECT_EQ(room.service->queue_of(bob.id).own.size(), 1U);
  EXPECT_TRUE(room.service->queue_of(UserId{}).own.empty());
}

}  // namespace
}  // namespace hearth::server::testing
