// What some rounds of a scenario gave, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/load_client/room.h"
#include "bench/load_client/scenario.h"

namespace hearth::bench {

struct Round {
  Records quiet;
  Records playing;
};

// The quiet room and the disturbed one take turns, so that a noisy machine disturbs both.
std::vector<Round> run_rounds(Room& room, const Scenario& scenario, int count);

// One line a group, then one for what is compared: medians of the rounds, with the least and the
// greatest.
std::string in_words(const Scenario& scenario, const std::vector<Round>& rounds);
nlohmann::ordered_json in_json(const Scenario& scenario, const std::vector<Round>& rounds);

}  // namespace hearth::bench
