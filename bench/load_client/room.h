// Plays scenarios against a server.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/load_client/measure.h"
#include "bench/load_client/person.h"
#include "bench/load_client/scenario.h"
#include "bench/load_client/words.h"

namespace hearth::bench {

// One run of some groups together.
using Records = std::vector<TurnRecord>;

// One thread. Throws when the server cannot be reached.
class Room {
 public:
  Room(asio::io_context& context, Target target);

  // Asks two short questions to learn how many tokens a word has here. First.
  void learn_tokens();

  Records play(const std::vector<Group>& groups);

  // Sockets that say hello and nothing more, kept open until they are destroyed.
  std::vector<std::shared_ptr<Person>> join(int count, bool same_person);

 private:
  template <class Coroutine>
  void finish(Coroutine coroutine);

  awaitable<void> play_group(Group group, std::vector<std::shared_ptr<Person>> people,
                             Clock::time_point zero, Records& records);
  awaitable<void> play_person(const Group& group, std::shared_ptr<Person> person,
                              std::optional<std::string> system, Clock::time_point zero,
                              Records& records);
  // Gives the conversation.
  awaitable<std::string> say_at(std::shared_ptr<Person> person, Message message,
                                Clock::time_point zero, Clock::time_point when, const Group& group,
                                std::int64_t index, Records& records);
  std::string text_of(std::int64_t content_tokens);

  asio::io_context& context_;
  Target target_;
  TokenScale scale_;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace hearth::bench
