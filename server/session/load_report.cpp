#include "server/session/load_report.h"

#include <chrono>
#include <cmath>
#include <utility>

namespace hearth::server {
namespace {

constexpr double kSurePercent = 3.0;  // seen to pass before the time left is more than a guess

double milliseconds(Instant::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

LoadReport::LoadReport(LoadFacts facts, Clock clock)
    : clock_(std::move(clock)), begun_(clock_.now()), first_seen_(begun_) {
  status_.id = std::move(facts.model);
  begin("config").ms = facts.files_ms;
  LoadStage& text = begin("tokenizer");
  text.ms = facts.text_ms;
  text.tokens = facts.vocabulary;
  LoadStage& weights = begin("weights");
  weights.bytes_all = facts.weight_bytes;
  weights.dtype = std::move(facts.dtype);
}

LoadStage& LoadReport::begin(const char* name) {
  begun_ = clock_.now();
  status_.stage = name;
  LoadStage stage;
  stage.name = name;
  return status_.stages.emplace_back(std::move(stage));
}

void LoadReport::end() { status_.stages.back().ms = milliseconds(clock_.now() - begun_); }

void LoadReport::end_weights() {
  LoadStage& weights = status_.stages.back();
  weights.bytes = weights.bytes_all;
  weights.tensor.clear();
  status_.percent = 100.0;
  status_.eta_ms.reset();
  end();
  begin("cache");
}

std::optional<ModelStatus> LoadReport::weights_moved(double percent, std::string_view tensor) {
  if (status_.stage != "weights") return std::nullopt;
  LoadStage& weights = status_.stages.back();
  if (percent >= 100.0 && tensor.empty()) {
    end_weights();
    return status_;
  }
  const bool is_first = weights.tensor.empty();
  if (!is_first && percent < status_.percent + 1.0) return std::nullopt;
  if (is_first) {
    first_seen_ = clock_.now();
    first_percent_ = percent;
  }
  status_.percent = percent;
  status_.eta_ms = time_left(percent);
  weights.tensor = tensor;
  weights.bytes = std::llround(percent / 100.0 * static_cast<double>(weights.bytes_all));
  return status_;
}

std::optional<std::int64_t> LoadReport::time_left(double percent) const {
  const double seen = percent - first_percent_;
  if (seen < kSurePercent) return std::nullopt;
  return std::llround((100.0 - percent) * milliseconds(clock_.now() - first_seen_) / seen);
}

ModelStatus LoadReport::measuring(std::int64_t cache_tokens) {
  if (status_.stage == "weights") end_weights();
  status_.stages.back().tokens = cache_tokens;
  end();
  begin("measure");
  return status_;
}

}  // namespace hearth::server
