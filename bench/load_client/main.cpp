// A room full of people against a running server: time to the first token, gaps, speed, failures.
//
//   load_client --url http://127.0.0.1:8080 --scenario paste --rounds 5 [--pid SERVER] [--json]
//
// Latencies count from the moment a message should have been sent, so a client that is held up
// hides nothing (coordinated omission). Client and server share the machine: the client takes a few
// percent of a core.
#include <algorithm>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load_client/process.h"
#include "bench/load_client/result.h"

namespace hearth::bench {
namespace {

struct Flags {
  std::string url = "http://127.0.0.1:8080";
  std::string join_code;
  std::vector<std::string> names;
  int rounds = 5;
  int pid = 0;
  int idle_sockets = 30;
  double idle_s = 30.0;
  bool json = false;
  bool list = false;
  ScenarioSizes sizes;
};

// What 30 open pages cost a server that has nothing to do.
nlohmann::ordered_json run_idle(Room& room, const Flags& flags) {
  const auto people = room.join(flags.idle_sockets, false);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // hellos and the last replies settle
  const auto before = use_of(flags.pid);
  std::this_thread::sleep_for(std::chrono::duration<double>(flags.idle_s));
  const auto after = use_of(flags.pid);
  if (!before || !after) throw std::runtime_error("--pid names no process");
  const double percent = 100.0 * (after->cpu_s - before->cpu_s) / flags.idle_s;
  for (const auto& person : people) person->leave();
  return {{"scenario", "idle"},
          {"sockets", flags.idle_sockets},
          {"seconds", flags.idle_s},
          {"cpu_percent", percent},
          {"goal", 0.2},
          {"met", percent < 0.2},
          {"resident_mb", static_cast<double>(after->resident_bytes) / 1e6}};
}

void run(const Flags& flags) {
  asio::io_context context;
  Target target = parse_target(flags.url);
  target.join_code = flags.join_code;
  Room room(context, target);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  const auto is_wanted = [&](const std::string& name) {
    return flags.names.empty() || std::ranges::find(flags.names, name) != flags.names.end();
  };
  // Its first round tells only while nobody has asked anything.
  bool knows_tokens = false;
  for (const Scenario& scenario : scenarios(flags.sizes)) {
    if (!is_wanted(scenario.name)) continue;
    const bool needs_tokens = scenario.name != "operators-prompt";
    if (needs_tokens && !std::exchange(knows_tokens, true)) room.learn_tokens();
    const int count = needs_tokens ? flags.rounds : 1;
    const std::vector<Round> rounds = run_rounds(room, scenario, count);
    all.push_back(in_json(scenario, rounds));
    if (!flags.json) std::cout << in_words(scenario, rounds) << std::flush;
  }
  if (is_wanted("idle") && flags.pid > 0) {
    all.push_back(run_idle(room, flags));
    if (!flags.json) std::cout << all.back().dump() << '\n';
  }
  if (flags.json) std::cout << all.dump(1) << '\n';
}

void list(const Flags& flags) {
  for (const Scenario& scenario : scenarios(flags.sizes))
    std::cout << scenario.name << ": " << scenario.what << '\n';
  std::cout << "idle: " << flags.idle_sockets << " sockets for " << flags.idle_s
            << " s, the server's processor time (needs --pid)\n";
}

int main_of(int argc, char** argv) {
  Flags flags;
  CLI::App app("A room full of people against a running Hearth server.");
  app.add_option("--url", flags.url, "the server");
  app.add_option("--join-code", flags.join_code, "the code of the room, if it has one");
  app.add_option("--scenario", flags.names, "which; absent: all (may be repeated)");
  app.add_option("--rounds", flags.rounds, "of each scenario; figures are medians of them")
      ->check(CLI::Range(1, 1000));
  app.add_option("--pid", flags.pid, "of the server, for idle");
  app.add_option("--people", flags.sizes.people, "who chat at once")->check(CLI::Range(1, 4096));
  app.add_option("--messages", flags.sizes.messages, "of each")->check(CLI::Range(1, 100000));
  app.add_option("--arrivals", flags.sizes.arrivals_per_s, "messages a second, open loop")
      ->check(CLI::Range(0.001, 1e6));
  app.add_option("--content-tokens", flags.sizes.content_tokens, "of a message");
  app.add_option("--reply-tokens", flags.sizes.reply_tokens, "of a reply, at most");
  app.add_option("--paste-tokens", flags.sizes.paste_tokens, "of the long paste");
  app.add_option("--history-tokens", flags.sizes.history_tokens,
                 "of the conversation gone on with");
  app.add_option("--flood", flags.sizes.flood, "requests at once");
  app.add_option("--idle-sockets", flags.idle_sockets);
  app.add_option("--idle-seconds", flags.idle_s);
  app.add_flag("--json", flags.json, "one array instead of lines");
  app.add_flag("--list", flags.list, "name the scenarios and end");
  CLI11_PARSE(app, argc, argv);
  if (flags.list) {
    list(flags);
  } else {
    run(flags);
  }
  return 0;
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) {
  try {
    return hearth::bench::main_of(argc, argv);
  } catch (const std::exception& failure) {
    std::cerr << "load_client: " << failure.what() << '\n';
    return 1;
  }
}
