#include "bench/load_client/room.h"

#include <exception>
#include <stdexcept>
#include <utility>

namespace hearth::bench {
namespace {

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

awaitable<void> wait_until(Clock::time_point when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  error_code ec;
  co_await timer.async_wait(asio::redirect_error(use_awaitable, ec));
}

awaitable<void> join_all(asio::io_context& context, Target target, int count, bool same_person,
                         std::vector<std::shared_ptr<Person>>& people) {
  std::string cookie;
  for (int i = 0; i < count; ++i) {
    if (i == 0 || !same_person) cookie = co_await new_identity(target);
    people.push_back(std::make_shared<Person>(context, target, cookie));
    co_await people.back()->join();
  }
}

}  // namespace

Room::Room(asio::io_context& context, Target target)
    : context_(context), target_(std::move(target)) {}

// Runs the loop until it has ended; what it throws comes out here.
template <class Coroutine>
void Room::finish(Coroutine coroutine) {
  std::exception_ptr failure;
  bool is_over = false;
  asio::co_spawn(context_, std::move(coroutine), [&](std::exception_ptr thrown) {
    failure = std::move(thrown);
    is_over = true;
  });
  context_.restart();
  while (!is_over && context_.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
}

std::vector<std::shared_ptr<Person>> Room::join(int count, bool same_person) {
  std::vector<std::shared_ptr<Person>> people;
  finish(join_all(context_, target_, count, same_person, people));
  return people;
}

std::string Room::text_of(std::int64_t content_tokens) {
  return some_words(scale_.words_for(content_tokens), random_);
}

void Room::learn_tokens() {
  constexpr std::int64_t kFew = 20;
  constexpr std::int64_t kMany = 220;
  scale_ = {};
  const auto ask = [this](std::int64_t words) {
    const Records records = play({{.name = "scale", .content_tokens = words, .reply_tokens = 1}});
    if (!records.at(0).failure.empty())
      throw std::runtime_error("a first question failed: " + records[0].failure);
    return static_cast<double>(records[0].prompt_tokens);
  };
  const double few = ask(kFew);
  const double many = ask(kMany);
  scale_.per_word = (many - few) / static_cast<double>(kMany - kFew);
  scale_.besides = few - scale_.per_word * static_cast<double>(kFew);
}

Records Room::play(const std::vector<Group>& groups) {
  std::vector<std::vector<std::shared_ptr<Person>>> people;
  for (const Group& group : groups) people.push_back(join(group.people, group.same_person));
  Records records;
  std::size_t num_playing = groups.size();
  std::exception_ptr failure;
  const Clock::time_point zero = Clock::now();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    asio::co_spawn(context_, play_group(groups[i], people[i], zero, records),
                   [&](const std::exception_ptr& thrown) {
                     if (thrown) failure = thrown;
                     --num_playing;
                   });
  }
  context_.restart();
  while (num_playing > 0 && context_.run_one() > 0) {
  }
  for (const auto& group : people) {
    for (const auto& person : group) person->leave();
  }
  context_.poll();
  if (failure) std::rethrow_exception(failure);
  return records;
}

awaitable<std::string> Room::say_at(std::shared_ptr<Person> person, Message message,
                                    Clock::time_point zero, Clock::time_point when,
                                    const Group& group, std::int64_t index, Records& records) {
  co_await wait_until(when);
  TurnRecord record = co_await person->say(std::move(message), zero, when);
  record.group = group.name;
  record.message = index;
  std::string conversation = record.conversation;
  records.push_back(std::move(record));
  co_return conversation;
}

awaitable<void> Room::play_group(Group group, std::vector<std::shared_ptr<Person>> people,
                                 Clock::time_point zero, Records& records) {
  const auto executor = co_await asio::this_coro::executor;
  std::optional<std::string> system;
  if (group.system_tokens > 0) system = text_of(group.system_tokens);
  std::size_t num_left = 0;
  asio::steady_timer all_over(executor, Clock::time_point::max());
  std::exception_ptr failure;
  const auto note_end = [&](const std::exception_ptr& thrown) {
    if (thrown) failure = thrown;
    if (--num_left == 0) all_over.cancel();
  };
  if (group.pace == Pace::one_after_another) {
    num_left = people.size();
    for (const auto& person : people)
      asio::co_spawn(executor, play_person(group, person, system, zero, records), note_end);
  } else {
    num_left = people.size() * static_cast<std::size_t>(group.messages);
    std::exponential_distribution<double> gap(group.pause_s > 0.0 ? 1.0 / group.pause_s : 1.0);
    Clock::time_point when = zero + seconds(group.begin_s);
    for (std::size_t i = 0, count = num_left; i < count; ++i) {
      if (group.pace == Pace::arriving) when += seconds(gap(random_));
      Message message{text_of(group.content_tokens), system, group.reply_tokens, {}};
      asio::co_spawn(
          executor,
          say_at(people[i % people.size()], std::move(message), zero, when, group,
                 static_cast<std::int64_t>(i / people.size()), records),
          [note_end](const std::exception_ptr& thrown, const std::string&) { note_end(thrown); });
    }
  }
  error_code ec;
  if (num_left > 0) co_await all_over.async_wait(asio::redirect_error(use_awaitable, ec));
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> Room::play_person(const Group& group, std::shared_ptr<Person> person,
                                  std::optional<std::string> system, Clock::time_point zero,
                                  Records& records) {
  std::exponential_distribution<double> pause(group.pause_s > 0.0 ? 1.0 / group.pause_s : 1.0);
  Clock::time_point when = zero + seconds(group.begin_s);
  std::string conversation;
  for (int i = 0; i < group.messages; ++i) {
    const bool goes_on = i > 0 && group.later_content_tokens > 0;
    Message message;
    message.content = text_of(goes_on ? group.later_content_tokens : group.content_tokens);
    message.system = system;
    message.reply_tokens = group.reply_tokens;
    if (goes_on) message.conversation = conversation;
    conversation = co_await say_at(person, std::move(message), zero, when, group, i, records);
    when = Clock::now();
    if (group.pause_s > 0.0) when += seconds(pause(random_));
  }
}

}  // namespace hearth::bench
