#include "bench/load_client/result.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>
#include <map>
#include <memory>

#include "bench/load_client/process.h"

namespace hearth::bench {
namespace {

// A figure over the rounds.
struct Summary {
  double median = 0.0;
  double least = 0.0;
  double greatest = 0.0;
};

Summary summary_of(const std::vector<double>& values) {
  return {quantile(values, 0.5), quantile(values, 0.0), quantile(values, 1.0)};
}

std::string number(double value) {
  std::array<char, 32> text{};
  const int digits = value >= 100.0 ? 0 : value >= 10.0 ? 1 : 2;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, digits);
  return {text.data(), end.ptr};
}

std::string shown(const Summary& summary) {
  std::string text = number(summary.median);
  if (summary.least != summary.greatest) {
    text += " (" + number(summary.least);
    text += " to " + number(summary.greatest) + ")";
  }
  return text;
}

// In the disturbed room only the gaps count that the second group can be blamed for.
Span blamed_span(const Scenario& scenario, const Records& records) {
  if (scenario.playing.size() < 2) return {};
  const Records others = of_group(records, scenario.playing[1].name);
  if (others.empty() || others.front().frames.empty()) return {};
  return {others.front().intended_s, others.front().first_s()};
}

double value_of(const Scenario& scenario, const Records& records, bool is_playing) {
  const std::vector<Group>& groups = is_playing ? scenario.playing : scenario.quiet;
  const Records first = of_group(records, groups.front().name);
  const Figures figures = figures_of(first);
  switch (scenario.compared) {
    case Compared::nothing:
      return 0.0;
    case Compared::frame_gap_p99:
      return quantile(frame_gaps_ms(first, is_playing ? blamed_span(scenario, records) : Span{}),
                      0.99);
    case Compared::ttft_p95:
      return figures.ttft_ms.p95;
    case Compared::last_ttft_p50: {
      Records last;
      std::ranges::copy_if(first, std::back_inserter(last), [&](const TurnRecord& turn) {
        return turn.message == groups.front().messages - 1;
      });
      return figures_of(last).ttft_ms.p50;
    }
    case Compared::slowness:
      return 1e3 / std::max(figures.tokens_per_s_each, 1e-9);
    case Compared::computed_tokens:
      return static_cast<double>(figures.prompt_tokens - figures.cached_tokens);
  }
  return 0.0;
}

struct Comparison {
  Summary quiet;
  Summary playing;
  Summary ratio;
};

Comparison compare(const Scenario& scenario, const std::vector<Round>& rounds) {
  std::vector<double> quiet;
  std::vector<double> playing;
  std::vector<double> ratios;
  for (const Round& round : rounds) {
    playing.push_back(value_of(scenario, round.playing, true));
    if (scenario.quiet.empty()) continue;
    quiet.push_back(value_of(scenario, round.quiet, false));
    ratios.push_back(playing.back() / std::max(quiet.back(), 1e-9));
  }
  return {summary_of(quiet), summary_of(playing), summary_of(ratios)};
}

// Figures of one group in each round.
struct GroupRounds {
  std::vector<Figures> rounds;

  Summary of(const std::function<double(const Figures&)>& figure) const {
    std::vector<double> values;
    for (const Figures& figures : rounds) values.push_back(figure(figures));
    return summary_of(values);
  }
  std::map<std::string, std::int64_t> failures() const {
    std::map<std::string, std::int64_t> sum;
    for (const Figures& figures : rounds) {
      for (const auto& [code, count] : figures.failures) sum[code] += count;
    }
    return sum;
  }
};

GroupRounds rounds_of(const std::string& group, const std::vector<Round>& rounds,
                      Records Round::*part) {
  GroupRounds result;
  for (const Round& round : rounds)
    result.rounds.push_back(figures_of(of_group(round.*part, group)));
  return result;
}

struct Column {
  const char* key;    // in JSON
  const char* words;  // in the line; null: not there
  double (*figure)(const Figures&);
};

constexpr std::array<Column, 13> kColumns{{
    {"requests", nullptr, [](const Figures& f) { return static_cast<double>(f.num_requests); }},
    {"ttft_p50_ms", "TTFT p50", [](const Figures& f) { return f.ttft_ms.p50; }},
    {"ttft_p95_ms", "p95", [](const Figures& f) { return f.ttft_ms.p95; }},
    {"ttft_p99_ms", nullptr, [](const Figures& f) { return f.ttft_ms.p99; }},
    {"frame_gap_p50_ms", "gap p50", [](const Figures& f) { return f.frame_gap_ms.p50; }},
    {"frame_gap_p95_ms", nullptr, [](const Figures& f) { return f.frame_gap_ms.p95; }},
    {"frame_gap_p99_ms", "p99", [](const Figures& f) { return f.frame_gap_ms.p99; }},
    {"token_gap_p50_ms", nullptr, [](const Figures& f) { return f.token_gap_ms.p50; }},
    {"token_gap_p99_ms", nullptr, [](const Figures& f) { return f.token_gap_ms.p99; }},
    {"tokens_per_s_each", "tok/s each", [](const Figures& f) { return f.tokens_per_s_each; }},
    {"tokens_per_s_all", "in all", [](const Figures& f) { return f.tokens_per_s_all; }},
    {"prompt_tokens", "prompt tokens",
     [](const Figures& f) { return static_cast<double>(f.prompt_tokens); }},
    {"cached_tokens", "cached",
     [](const Figures& f) { return static_cast<double>(f.cached_tokens); }},
}};

std::string group_line(const Scenario& scenario, const std::string& room, const Group& group,
                       const GroupRounds& rounds) {
  std::string line = scenario.name + " | " + room;
  line += " | " + group.name + " ×" + std::to_string(group.people);
  for (const Column& column : kColumns) {
    if (column.words == nullptr) continue;
    line += std::string(" | ") + column.words;
    line += " " + shown(rounds.of(column.figure));
  }
  for (const auto& [code, count] : rounds.failures()) {
    line += " | " + code;
    line += " " + std::to_string(count);
  }
  return line + "\n";
}

nlohmann::ordered_json json_of(const Summary& summary) {
  return {{"median", summary.median}, {"min", summary.least}, {"max", summary.greatest}};
}

nlohmann::ordered_json group_json(const Group& group, const GroupRounds& rounds) {
  nlohmann::ordered_json json = {{"group", group.name}, {"people", group.people}};
  for (const Column& column : kColumns) json[column.key] = json_of(rounds.of(column.figure));
  json["failures"] = rounds.failures();
  return json;
}

}  // namespace

std::vector<Round> run_rounds(Room& room, const Scenario& scenario, int count) {
  std::vector<Round> rounds;
  for (int i = 0; i < count; ++i) {
    Round round;
    if (!scenario.quiet.empty()) round.quiet = room.play(scenario.quiet);
    std::unique_ptr<BusyNeighbour> neighbour;
    if (scenario.has_neighbour) neighbour = std::make_unique<BusyNeighbour>();
    round.playing = room.play(scenario.playing);
    rounds.push_back(std::move(round));
  }
  return rounds;
}

std::string in_words(const Scenario& scenario, const std::vector<Round>& rounds) {
  std::string text;
  for (const Group& group : scenario.quiet)
    text += group_line(scenario, "quiet", group, rounds_of(group.name, rounds, &Round::quiet));
  for (const Group& group : scenario.playing)
    text += group_line(scenario, "playing", group, rounds_of(group.name, rounds, &Round::playing));
  if (scenario.compared == Compared::nothing) return text;
  const Comparison comparison = compare(scenario, rounds);
  text += scenario.name + " | " + std::string(to_string(scenario.compared)) + ": ";
  if (scenario.quiet.empty()) return text + shown(comparison.playing) + "\n";
  text += shown(comparison.quiet) + " → " + shown(comparison.playing);
  text += ", × " + shown(comparison.ratio);
  if (scenario.goal > 0.0) {
    text += ", goal ≤ " + number(scenario.goal);
    text += comparison.ratio.median <= scenario.goal ? ": met" : ": NOT met";
  }
  return text + "\n";
}

nlohmann::ordered_json in_json(const Scenario& scenario, const std::vector<Round>& rounds) {
  nlohmann::ordered_json json = {
      {"scenario", scenario.name}, {"what", scenario.what}, {"rounds", rounds.size()}};
  for (const Group& group : scenario.quiet) {
    json["quiet"].push_back(group_json(group, rounds_of(group.name, rounds, &Round::quiet)));
  }
  for (const Group& group : scenario.playing) {
    json["playing"].push_back(group_json(group, rounds_of(group.name, rounds, &Round::playing)));
  }
  if (scenario.compared == Compared::nothing) return json;
  const Comparison comparison = compare(scenario, rounds);
  json["compared"] = {{"what", to_string(scenario.compared)},
                      {"playing", json_of(comparison.playing)}};
  if (scenario.quiet.empty()) return json;
  json["compared"]["quiet"] = json_of(comparison.quiet);
  json["compared"]["ratio"] = json_of(comparison.ratio);
  if (scenario.goal > 0.0) {
    json["compared"]["goal"] = scenario.goal;
    json["compared"]["met"] = comparison.ratio.median <= scenario.goal;
  }
  return json;
}

}  // namespace hearth::bench
