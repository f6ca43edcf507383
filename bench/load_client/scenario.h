// What is played, as data: groups of people in a quiet room, the same room with something that
// disturbs it, and which figure of the first group is compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::bench {

enum class Pace : std::uint8_t {
  one_after_another,  // closed loop: the next message when the reply has ended, after a pause
  at_once,            // all messages at the same moment
  arriving,           // open loop: at random moments (Poisson), whatever became of the others
};

struct Group {
  std::string name;
  int people = 1;
  bool same_person = false;  // all of them are sockets of one person
  int messages = 1;          // of each
  Pace pace = Pace::one_after_another;
  double begin_s = 0.0;
  double pause_s =
      0.0;  // one_after_another: mean, exponential; arriving: mean between two arrivals
  std::int64_t content_tokens = 40;
  std::int64_t later_content_tokens = 0;  // > 0: the other messages go on in the conversation
  std::int64_t system_tokens = 0;         // > 0: the same new instructions for all
  std::int64_t reply_tokens = 64;
};

enum class Compared : std::uint8_t {
  nothing,
  frame_gap_p99,    // ms; of the disturbed room while the second group waits for its first token
  ttft_p95,         // ms
  last_ttft_p50,    // ms; of each person's last message
  slowness,         // ms a token, p50
  computed_tokens,  // prompt tokens that were not found in the cache
};

std::string_view to_string(Compared compared);

struct Scenario {
  std::string name;
  std::string what;          // one sentence
  std::vector<Group> quiet = {};  // may be empty
  std::vector<Group> playing = {};
  Compared compared = Compared::nothing;
  double goal = 0.0;           // playing ≤ goal · quiet; 0: none
  bool has_neighbour = false;  // another process keeps a core busy while it plays
};

// Numbers that the command line may change.
struct ScenarioSizes {
  int people = 8;
  int messages = 4;
  double arrivals_per_s = 1.0;
  std::int64_t content_tokens = 40;
  std::int64_t reply_tokens = 128;
  std::int64_t paste_tokens = 4000;
  std::int64_t history_tokens = 2000;
  int flood = 50;
};

std::vector<Scenario> scenarios(const ScenarioSizes& sizes);

}  // namespace hearth::bench
