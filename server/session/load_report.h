// What everybody is told while the model loads: the stages that are done and how long each took,
// the one at work and how far it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/session/clock.h"
#include "server/session/model_info.h"

namespace hearth::server {

// What is known when the weights begin: the folder was opened before anybody could ask.
struct LoadFacts {
  std::string model{};
  double files_ms = 0.0;
  double text_ms = 0.0;
  std::int64_t vocabulary = 0;
  std::int64_t weight_bytes = 0;
  std::string dtype{};  // what the weights become; empty: not known yet
};

// From config to measure, in this order, each call once but weights_moved. One thread at a time.
class LoadReport {
 public:
  LoadReport(LoadFacts facts, Clock clock);

  const ModelStatus& status() const { return status_; }

  // `percent` of the weights' bytes are there, last those of `tensor`; at 100 without a tensor the
  // memory of conversations is next. Nothing, where it is less than a percent since the last time.
  std::optional<ModelStatus> weights_moved(double percent, std::string_view tensor);

  // All of it is in memory, with room for so many tokens of conversations: what is left is to
  // measure. A loader that never said that its weights are there has said so now.
  ModelStatus measuring(std::int64_t cache_tokens);

 private:
  LoadStage& begin(const char* name);
  void end();
  void end_weights();
  std::optional<std::int64_t> time_left(double percent) const;

  Clock clock_;
  ModelStatus status_;
  Instant begun_;       // the stage at work
  Instant first_seen_;  // of the weights' moving
  double first_percent_ = 0.0;
};

}  // namespace hearth::server
