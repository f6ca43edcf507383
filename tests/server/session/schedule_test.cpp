// Any order of everything: sockets that come, go and sleep, requests sent twice, engine steps, a
// disk that fails, deletions. Each schedule is played on a whole service without sockets and
// threads and held against the reference model of support/person.h: every reply read over any cuts
// is the reply, one done for each reply and watcher, ids idempotent, caps kept, nothing of another
// person (P1 to P4, P7; ). rapidcheck shrinks a schedule that fails and prints its
// numbers. `ctest` plays the same few hundred each time (CMakeLists.txt);
// RC_PARAMS="max_success=20000" plays others.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/server/session/support/person.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::json;
using testing::Person;
using testing::Room;
using testing::Tab;
using testing::TabModel;

// What each person's replies are made of; whole characters, whose bytes are tokens of their own.
const std::vector<std::vector<std::string>> kLetters = {{"a", "é", "你", "🔥"},
                                                        {"B", "ß", "好", "🌍"}};
constexpr Milliseconds kFrame{20};
constexpr std::int64_t kReplyTokens = 30'000;

Limits small_limits() {
  Limits limits;
  limits.connection.outbox_bytes = 4096;
  limits.connection.outbox_entries = 24;
  limits.service.max_tokens = kReplyTokens;
  limits.service.running_per_user = 2;
  limits.service.queued_per_user = 2;
  limits.service.live_total = 6;
  limits.service.sockets_per_user = 3;
  limits.service.preparing_per_user = 3;
  limits.service.detach_grace_running = std::chrono::minutes(5);
  limits.service.detach_grace_queued = std::chrono::minutes(8);
  limits.service.keep_ended = std::chrono::minutes(1);
  limits.service.reply_time = std::chrono::hours(1'000'000);  // each is to be whole
  limits.service.checkpoint_tokens = 8;
  return limits;
}

struct Seat {
  std::unique_ptr<Tab> tab;
  TabModel model;

  bool can_speak() const { return tab->connection->is_ready() && tab->connection->is_open(); }
};

struct Somebody {
  User user;
  std::string letters;
  Person person;
  std::vector<std::unique_ptr<Seat>> seats;
  std::map<std::string, json> sent;             // client id → chat.create
  std::map<std::string, TabModel::Watch> kept;  // what the browser keeps over a cut

  Seat* seat(std::size_t which) {
    return seats.empty() ? nullptr : seats[which % seats.size()].get();
  }
  // One that may ask for something now.
  Seat* speaker(std::size_t which) {
    Seat* const one = seat(which);
    return one && one->can_speak() ? one : nullptr;
  }
  std::string stream(std::size_t which) const {
    if (person.question_of.empty()) return {};
    return std::next(person.question_of.begin(),
                     static_cast<std::ptrdiff_t>(which % person.question_of.size()))
        ->first;
  }
  std::string conversation(std::size_t which) const {
    if (person.conversations.empty()) return {};
    return *std::next(person.conversations.begin(),
                      static_cast<std::ptrdiff_t>(which % person.conversations.size()));
  }
};

class Schedule {
 public:
  Schedule() : room_(small_limits()) {
    room_.service->set_model(
        {.id = "test", .state = ModelState::ready, .info = testing::byte_model(2 * kReplyTokens)});
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
      Somebody& who = *people_.emplace_back(std::make_unique<Somebody>());
      who.user = room_.new_user();
      for (const std::string& letter : kLetters[i]) who.letters += letter;
    }
  }

  // The bits of a number say what is done, by whom, with which thing, and how much.
  void act(std::uint32_t number) {
    Somebody& who = *people_[(number >> 5U) & 1U];
    const std::size_t which = (number >> 6U) & 0x1fU;
    const std::size_t size = (number >> 11U) & 0x3fU;
    switch (number & 0x1fU) {
      case 0:
      case 1:
        return come(who, size % 4 != 0);
      case 2:
        return cut(who, which);
      case 3:
      case 4:
      case 5:
        return create(who, which, size);
      case 6:
        return create_again(who, which, size);
      case 7:
        return cancel(who, which, size);
      case 8:
      case 9:
        return attach(who, which, size);
      case 10:
        return ack(who, which);
      case 11:
      case 12:
      case 13:
        return read(who, which, size);
      case 14:
      case 15:
      case 16:
      case 17:
        return write(which, size);
      case 18:
        return end(which, size);
      case 19:
        return remove(who, which);
      case 20:
        return trespass(who, which, size);
      case 21:
      case 22:
        return pass_time(size);
      case 23:
      case 24:
      case 25:
      case 26:
        return settle(1 + size % 8);
      case 27:
        return settle(1000);
      case 28:
        room_.store.is_broken = size % 3 == 0;
        return;
      default:
        return progress();
    }
  }

  void check() {
    const Limits limits = small_limits();
    std::set<std::string> prompts;
    std::map<std::string, int> in_engine;
    for (const auto& [id, running] : room_.engine.requests) {
      if (!prompts.insert(testing::text_of(running.request.prompt_ids)).second)
        fault("one question was submitted twice");
      const bool is_live = running.stream->finished() == nullptr && !running.is_cancelled;
      if (is_live &&
          ++in_engine[std::to_string(running.request.user)] > limits.service.running_per_user)
        fault("too many replies of one person in the engine");
    }
    for (const auto& who : people_) {
      int open = 0;
      for (const auto& seat : who->seats) {
        if (seat->can_speak()) ++open;
        // One event larger than the bound may wait beside the others.
        if (seat->tab->connection->outbox_bytes() > 3 * limits.connection.outbox_bytes)
          fault("an outbox beyond its bound");
      }
      if (open > limits.service.sockets_per_user) fault("too many sockets of one person");
    }
    if (room_.service->admission().live() > limits.service.live_total) fault("too many replies");
  }

  // Everything that can still happen happens. Then everybody has what is there, and so has a device
  // that never was here before.
  void come_to_rest() {
    room_.store.is_broken = false;
    for (int round = 0; round < kRounds; ++round) {
      room_.settle();
      for (const engine::RequestId id : std::vector(room_.engine.order))
        finish(id, engine::FinishReason::stop);
      progress();
      read_all();
      room_.tick(Milliseconds(600));
    }
    check();
    if (room_.service->admission().live() != 0) fault("a place that nobody gave back");
    for (const auto& who : people_) {
      for (const auto& seat : who->seats) compare(*who, seat->model);
      while (!who->seats.empty()) cut(*who, 0);
      who->kept.clear();
      come(*who, true);
      for (int round = 0; round < kRounds; ++round) {
        room_.settle();
        read_all();
        room_.tick(kFrame);
      }
      if (who->seats.empty()) return fault("a device that reads all was cut");
      TabModel& late = who->seats[0]->model;
      compare(*who, late);
      for (const auto& [stream, question] : who->person.question_of) {
        const bool is_deleted = who->person.deleted.contains(who->person.conversation_of[stream]);
        if (is_deleted && late.watches.contains(stream)) fault("a deleted reply is there");
      }
    }
  }

  const std::vector<std::string>& faults() const { return faults_; }

 private:
  static constexpr int kRounds = 60;

  void fault(const std::string& what) { faults_.push_back(what); }
  std::string next_id(const char* kind) { return kind + std::to_string(++num_ids_); }

  // A new socket, which resumes what this browser knows, or says nothing of it.
  void come(Somebody& who, bool resumes) {
    if (who.seats.size() > 4) return;
    Seat& seat = *who.seats.emplace_back(std::make_unique<Seat>(
        Seat{std::make_unique<Tab>(room_, who.user), TabModel(who.person, who.letters)}));
    json streams = json::object();
    for (const auto& [stream, question] : who.person.question_of) {
      if (!resumes || streams.size() == 32) break;
      const TabModel::Watch& watch = who.kept[stream];
      seat.model.resumed(stream, watch.have, watch.text);
      streams[stream] = watch.have;
    }
    seat.tab->send({{"type", "hello"}, {"resume", {{"streams", streams}}}});
  }
  void cut(Somebody& who, std::size_t which) {
    Seat* const gone = who.seat(which);
    if (!gone) return;
    for (const auto& [stream, watch] : gone->model.watches) who.kept[stream] = watch;
    gone->tab->close();
    std::erase_if(who.seats, [&](const auto& one) { return one.get() == gone; });
  }

  void create(Somebody& who, std::size_t which, std::size_t size) {
    const std::string id = next_id("c");
    json message = {{"type", "chat.create"}, {"id", id}, {"content", "q" + id}};
    const std::string conversation = who.conversation(size);
    if (size % 3 == 0 && !conversation.empty()) message["conversation"] = conversation;
    who.sent[id] = message;
    Seat* const from = who.speaker(which);
    if (!from) return;
    from->model.asked(id, message["content"]);
    from->tab->send(message);
  }
  // The same once more, as a page does that heard no answer; or another body under a known id.
  void create_again(Somebody& who, std::size_t which, std::size_t size) {
    Seat* const from = who.speaker(which);
    if (!from || who.sent.empty()) return;
    const auto& [id, message] =
        *std::next(who.sent.begin(), static_cast<std::ptrdiff_t>(size % who.sent.size()));
    if (from->model.is_asking(id)) return;
    // What was deleted no longer answers for its id: sent again, it is made anew.
    const auto known = who.person.stream_of.find(id);
    if (known != who.person.stream_of.end() && who.person.may_be_gone(known->second)) return;
    if (size % 4 == 3 && who.person.stream_of.contains(id)) {
      json other = message;
      other["content"] = "another body of " + id;
      from->model.asked_amiss(id);
      from->tab->send(other);
    } else {
      from->model.asked(id, message["content"]);
      from->tab->send(message);
    }
  }
  void cancel(Somebody& who, std::size_t which, std::size_t size) {
    Seat* const from = who.speaker(which);
    const std::string stream = who.stream(size);
    if (!from || stream.empty()) return;
    const std::string id = next_id("x");
    from->model.cancelled(id, stream);
    from->tab->send({{"type", "chat.cancel"}, {"id", id}, {"stream", stream}});
  }
  void attach(Somebody& who, std::size_t which, std::size_t size) {
    Seat* const from = who.speaker(which);
    const std::string stream = who.stream(size);
    if (!from || stream.empty()) return;
    const std::size_t have = size % 4 == 0   ? 0
                             : size % 4 == 1 ? 100'000
                                             : from->model.watches[stream].have;
    const std::string id = next_id("a");
    from->model.attached(id, stream, have);
    from->tab->send({{"type", "stream.attach"}, {"id", id}, {"stream", stream}, {"have", have}});
  }
  void ack(Somebody& who, std::size_t which) {
    Seat* const from = who.speaker(which);
    const std::string stream = who.stream(which);
    if (from && !stream.empty())
      from->tab->send({{"type", "ack"}, {"stream", stream}, {"have", which}});
  }
  void remove(Somebody& who, std::size_t which) {
    Seat* const from = who.speaker(which);
    const std::string conversation = who.conversation(which);
    if (!from || conversation.empty()) return;
    const std::string id = next_id("d");
    from->model.deleted(id, conversation);
    from->tab->send({{"type", "history.delete"}, {"id", id}, {"conversation", conversation}});
  }
  // With ids of the other person.
  void trespass(Somebody& who, std::size_t which, std::size_t size) {
    const Somebody& other = people_[0].get() == &who ? *people_[1] : *people_[0];
    Seat* const from = who.speaker(which);
    const std::string stream = other.stream(which);
    if (!from || stream.empty()) return;
    const std::string conversation = other.conversation(which);
    const std::string id = next_id("t");
    from->model.trespassed(id);
    const std::vector<json> wishes = {
        {{"type", "stream.attach"}, {"stream", stream}, {"have", 0}},
        {{"type", "chat.cancel"}, {"stream", stream}},
        {{"type", "history.get"}, {"conversation", conversation}},
        {{"type", "history.delete"}, {"conversation", conversation}},
        {{"type", "history.rename"}, {"conversation", conversation}, {"title", "mine"}},
        {{"type", "chat.create"}, {"conversation", conversation}, {"content", "let me in"}}};
    json wish = wishes[size % wishes.size()];
    wish["id"] = id;
    from->tab->send(wish);
  }

  // All that waits, or some frames (a slow reader). Then, as net does it, what wants to close is
  // closed.
  void read(Somebody& who, std::size_t which, std::size_t size) {
    Seat* const reader = who.seat(which);
    if (!reader) return;
    Connection& connection = *reader->tab->connection;
    const bool reads_all = size % 4 == 0;
    std::size_t frames = reads_all ? 100'000 : size % 4;
    while (frames-- > 0) {
      const auto frame = connection.take_frame();
      if (!frame) break;
      reader->model.read(json::parse(*frame));
    }
    report(reader->model);
    if (connection.wants_close() && (reads_all || connection.wants_close()->at_once))
      cut(who, which);
  }
  void read_all() {
    for (const auto& who : people_) {
      for (std::size_t i = who->seats.size(); i-- > 0;) read(*who, i, 0);
    }
  }
  void report(TabModel& model) {
    for (const std::string& what : model.faults) fault(what);
    model.faults.clear();
  }

  void write(std::size_t which, std::size_t size) {
    const engine::RequestId id = unfinished(which);
    if (id == 0) return;
    std::string text;
    const auto& letters = letters_of(id);
    for (std::size_t i = 0; i <= size; ++i) text += letters[(which + i * size) % letters.size()];
    if (size == 63) {  // more than an outbox holds
      for (int i = 0; i < 6; ++i) text += text;
    }
    if (std::ssize(written_[id]) + std::ssize(text) >
        room_.engine.requests.at(id).request.max_tokens)
      return;
    room_.engine.write(id, text);
    written_[id] += text;
    changed_.push_back(id);
  }
  void end(std::size_t which, std::size_t size) {
    constexpr engine::FinishReason kReasons[] = {
        engine::FinishReason::stop, engine::FinishReason::length, engine::FinishReason::failed};
    if (const engine::RequestId id = unfinished(which); id != 0) finish(id, kReasons[size % 3]);
  }
  void finish(engine::RequestId id, engine::FinishReason reason) {
    const auto& running = room_.engine.requests.at(id);
    if (running.stream->finished() != nullptr) return;
    room_.engine.finish(id, running.is_cancelled ? engine::FinishReason::cancelled : reason);
    changed_.push_back(id);
  }
  engine::RequestId unfinished(std::size_t which) {
    std::vector<engine::RequestId> ids;
    for (const auto& [id, running] : room_.engine.requests) {
      if (running.stream->finished() == nullptr) ids.push_back(id);
    }
    return ids.empty() ? 0 : ids[which % ids.size()];
  }
  void progress() {
    changed_.push_back(4711);  // of somebody else, as the routes for programs have them
    room_.service->engine_progressed(changed_);
    changed_.clear();
  }

  void pass_time(std::size_t size) {
    constexpr Milliseconds kTimes[] = {kFrame,
                                       kFrame,
                                       Milliseconds(500),
                                       Milliseconds(2'000),
                                       Milliseconds(16'000),
                                       Milliseconds(70'000),
                                       Milliseconds(6 * 60'000)};
    const Milliseconds time = kTimes[size % std::size(kTimes)];
    if (time >= small_limits().service.keep_ended) settle(1000);  // no disk is that slow
    room_.time.advance(time);
    room_.service->on_tick();
  }
  // Answers of the store and of the text worker come one by one, at any time.
  void settle(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!room_.tasks.empty()) {
        auto task = std::move(room_.tasks.front());
        room_.tasks.pop_front();
        task();
      } else if (!room_.text.work()) {
        return;
      }
    }
  }

  // Questions are told apart by their text.
  const std::vector<std::string>& letters_of(engine::RequestId id) {
    const auto user = room_.engine.requests.at(id).request.user;
    return kLetters[letters_.emplace(user, owner_of(id)).first->second];
  }
  std::size_t owner_of(engine::RequestId id) {
    const std::string prompt = testing::text_of(room_.engine.requests.at(id).request.prompt_ids);
    for (std::size_t i = 0; i < people_.size(); ++i) {
      for (const auto& [client_id, message] : people_[i]->sent) {
        if (prompt.ends_with("user:" + message["content"].get<std::string>() + "|>")) return i;
      }
    }
    fault("a question that nobody asked: " + prompt);
    return 0;
  }
  // What the engine wrote as the reply to it.
  std::string reply_to(const std::string& question) {
    for (const auto& [id, running] : room_.engine.requests) {
      if (testing::text_of(running.request.prompt_ids).ends_with("user:" + question + "|>"))
        return written_[id];
    }
    return {};
  }
  void compare(Somebody& who, TabModel& model) {
    model.at_rest();
    report(model);
    for (const auto& [stream, watch] : model.watches) {
      if (!watch.is_ended || who.person.may_be_gone(stream)) continue;
      const std::string reply = reply_to(who.person.question_of[stream]);
      if (watch.text != reply)
        fault("read " + std::to_string(watch.text.size()) + " bytes of " +
              std::to_string(reply.size()));
    }
  }

  Room room_;
  std::vector<std::unique_ptr<Somebody>> people_;
  std::map<std::uint64_t, std::size_t> letters_;  // of whom, by the engine's name of the person
  std::map<engine::RequestId, std::string> written_;
  std::vector<engine::RequestId> changed_;
  std::vector<std::string> faults_;
  int num_ids_ = 0;
};

void play(const std::vector<std::uint32_t>& numbers) {
  Schedule schedule;
  for (const std::uint32_t number : numbers) {
    schedule.act(number);
    schedule.check();
    if (!schedule.faults().empty()) break;
  }
  if (schedule.faults().empty()) schedule.come_to_rest();
  RC_ASSERT(schedule.faults() == std::vector<std::string>());
}

RC_GTEST_PROP(Schedules, KeepEveryPromise, ()) {
  const auto number =
      rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(0, 1U << 17U));
  play(*rc::gen::resize(2 * rc::kNominalSize,
                        rc::gen::container<std::vector<std::uint32_t>>(number)));
}

}  // namespace
}  // namespace hearth::server
