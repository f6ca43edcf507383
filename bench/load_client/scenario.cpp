#include "bench/load_client/scenario.h"

namespace hearth::bench {
namespace {

Group chatting(const ScenarioSizes& sizes) {
  return {.name = "chatting",
          .people = sizes.people,
          .messages = sizes.messages,
          .content_tokens = sizes.content_tokens,
          .reply_tokens = sizes.reply_tokens};
}

Scenario closed_loop(const ScenarioSizes& sizes) {
  return {.name = "chat",
          .what = "people who send their next message when the reply has ended",
          .playing = {chatting(sizes)}};
}

Scenario open_loop(const ScenarioSizes& sizes) {
  Group group = chatting(sizes);
  group.pace = Pace::arriving;
  group.pause_s = 1.0 / sizes.arrivals_per_s;
  return {.name = "arrivals",
          .what = "messages at random moments, whatever became of those before",
          .playing = {group}};
}

Scenario newcomers() {
  const Group one{
      .name = "newcomers", .content_tokens = 20, .system_tokens = 500, .reply_tokens = 8};
  Group four = one;
  four.people = 4;
  four.same_person = true;
  return {.name = "newcomers",
          .what =
              "one, then four at once with the same 500 tokens of instructions (one identity: "
              "only the operator's own are shared between people)",
          .quiet = {one},
          .playing = {four},
          .compared = Compared::computed_tokens};
}

// With `hearth serve --system-prompt`; the first run after the start is the one that tells.
Scenario operators_prompt() {
  return {.name = "operators-prompt",
          .what = "four new people at once, the server's own instructions",
          .playing = {{.name = "newcomers", .people = 4, .content_tokens = 20, .reply_tokens = 8}},
          .compared = Compared::computed_tokens};
}

Scenario paste(const ScenarioSizes& sizes) {
  Group streaming = chatting(sizes);
  streaming.name = "streaming";
  streaming.people = 4;
  streaming.messages = 1;
  streaming.reply_tokens = 400;
  const Group pasting{
      .name = "pasting", .begin_s = 2.0, .content_tokens = sizes.paste_tokens, .reply_tokens = 8};
  return {.name = "paste",
          .what = "four people are written to while one pastes a long text",
          .quiet = {streaming},
          .playing = {streaming, pasting},
          .compared = Compared::frame_gap_p99,
          .goal = 2.0};
}

Scenario flood(const ScenarioSizes& sizes) {
  const Group polite{.name = "polite",
                     .messages = 20,
                     .pause_s = 0.3,
                     .content_tokens = sizes.content_tokens,
                     .reply_tokens = 8};
  const Group flooding{.name = "flooding",
                       .messages = sizes.flood,
                       .pace = Pace::at_once,
                       .content_tokens = 60,
                       .reply_tokens = 100};
  return {.name = "flood",
          .what = "one person asks now and then while another sends fifty requests at once",
          .quiet = {polite},
          .playing = {polite, flooding},
          .compared = Compared::ttft_p95,
          .goal = 2.0};
}

// Replies of one token: what random weights write is not cut into the same tokens when it is read
// again, and the prefix cache would be blamed for it.
Scenario second_turn(const ScenarioSizes& sizes) {
  const Group fresh{.name = "new", .messages = 1, .content_tokens = 20, .reply_tokens = 1};
  Group again = fresh;
  again.name = "again";
  again.messages = 2;
  again.pause_s = 0.2;
  again.content_tokens = sizes.history_tokens;
  again.later_content_tokens = 20;
  return {.name = "second-turn",
          .what = "a new short question, and one in a conversation of 2,000 tokens",
          .quiet = {fresh},
          .playing = {again},
          .compared = Compared::last_ttft_p50,
          .goal = 1.3};
}

Scenario neighbour(const ScenarioSizes& sizes) {
  Group one = chatting(sizes);
  one.people = 1;
  one.messages = 2;
  return {.name = "neighbour",
          .what = "one person, while another process keeps a core busy",
          .quiet = {one},
          .playing = {one},
          .compared = Compared::slowness,
          .goal = 2.0,
          .has_neighbour = true};
}

}  // namespace

std::string_view to_string(Compared compared) {
  switch (compared) {
    case Compared::nothing:
      return "";
    case Compared::frame_gap_p99:
      return "p99 gap, ms";
    case Compared::ttft_p95:
      return "p95 TTFT, ms";
    case Compared::last_ttft_p50:
      return "TTFT, ms";
    case Compared::slowness:
      return "ms a token";
    case Compared::computed_tokens:
      return "prompt tokens computed";
  }
  return "";
}

std::vector<Scenario> scenarios(const ScenarioSizes& sizes) {
  return {operators_prompt(), closed_loop(sizes), open_loop(sizes),   newcomers(),
          paste(sizes),       flood(sizes),       second_turn(sizes), neighbour(sizes)};
}

}  // namespace hearth::bench
