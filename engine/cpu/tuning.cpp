#include "engine/cpu/tuning.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/cpu/activations.h"
#include "engine/cpu/instruction_set.h"
#include "engine/cpu/packed_matrix.h"

namespace hearth::engine::cpu {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr std::int64_t kDepth = 1024;  // K of the measured panel: it and a tile stay in the cache
constexpr int kRounds = 9;             // of which the fastest counts: others may use the core
constexpr int kCallsPerRound = 12;
constexpr std::array kHeights = {4, 6, 8, 10, 12};
constexpr double kClearlyFaster = 1.03;

// Family, model and stepping beside the name, which clouds cut down to "AMD EPYC".
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string name;
  std::string line;
  while (std::getline(file, line) && !line.empty()) {
    for (const std::string_view key : {"vendor_id", "cpu family", "model", "stepping"}) {
      if (line.rfind(key, 0) != 0) continue;
      const std::size_t colon = line.find(": ");
      if (colon != std::string::npos) name += (name.empty() ? "" : " ") + line.substr(colon + 2);
      break;
    }
  }
  return name;
}

MultiplyFn multiply_of(const KernelTable& kernels, WeightFormat format) {
  return format == WeightFormat::bf16   ? kernels.multiply_bf16
         : format == WeightFormat::int8 ? kernels.multiply_int8
                                        : kernels.multiply_int4;
}

int& rows_of(KernelTable& kernels, WeightFormat format) {
  return format == WeightFormat::bf16   ? kernels.rows_bf16
         : format == WeightFormat::int8 ? kernels.rows_int8
                                        : kernels.rows_int4;
}

// Times one panel against tiles of one height.
class Probe {
 public:
  Probe(const KernelTable& kernels, WeightFormat format, int height)
      : kernels_(kernels),
        format_(format),
        height_(height),
        panel_(static_cast<std::size_t>(panel_bytes(format, kDepth))),
        activations_(kernels_) {
    rows_of(kernels_, format) = height;
    activations_.prepare(format, height, kDepth);
    const std::vector<float> row(static_cast<std::size_t>(kDepth), 0.5F);
    for (int r = 0; r < height; ++r) activations_.put(r, row.data());
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void run_round() {
    const MultiplyFn multiply = multiply_of(kernels_, format_);
    const ActivationTile tile = activations_.tile(0);
    alignas(64) float out[kMaxRows * kPanelRows];
    const Clock::time_point begin = Clock::now();
    for (int i = 0; i < kCallsPerRound; ++i) multiply(panel_.data(), tile, out);
    const std::chrono::duration<double> taken = Clock::now() - begin;
    fastest_ = std::min(fastest_, taken.count() / (kCallsPerRound * height_));
  }

  const KernelTable& kernels() const { return kernels_; }
  int height() const { return height_; }
  double seconds_per_row() const { return fastest_; }

 private:
  KernelTable kernels_;
  WeightFormat format_;
  int height_;
  std::vector<std::uint8_t> panel_;
  Activations activations_;
  double fastest_ = std::numeric_limits<double>::infinity();
};

struct Best {
  std::string kernels;
  int height = 0;
};

// The first of the candidates, in the order given, that no later one clearly beats.
Best fastest_of(const std::vector<const KernelTable*>& tables, WeightFormat format) {
  std::vector<std::unique_ptr<Probe>> probes;
  for (const KernelTable* table : tables) {
    for (const int height : kHeights)
      probes.push_back(std::make_unique<Probe>(*table, format, height));
  }
  for (int round = 0; round < kRounds; ++round) {
    for (const auto& probe : probes) probe->run_round();
  }
  const Probe* best = probes.front().get();
  for (const auto& probe : probes) {
    if (probe->seconds_per_row() * kClearlyFaster < best->seconds_per_row()) best = probe.get();
  }
  return {best->kernels().name, best->height()};
}

bool is_tunable(std::string_view name) { return name == "avx512" || name == "avx512-bf16"; }

json to_json(const Tuning& tuning) {
  return {{"version", kFormatVersion},
          {"processor", tuning.processor},
          {"kernels", tuning.kernels},
          {"rows", {tuning.rows_bf16, tuning.rows_int8, tuning.rows_int4}}};
}

// Nothing when the file is missing, damaged, of another version or another processor.
std::optional<Tuning> read_tuning(const std::filesystem::path& path) {
  std::ifstream file(path);
  const json kept = json::parse(file, nullptr, false);
  Tuning tuning;
  try {
    if (kept.at("version") != kFormatVersion) return std::nullopt;
    tuning.processor = kept.at("processor").get<std::string>();
    tuning.kernels = kept.at("kernels").get<std::string>();
    tuning.rows_bf16 = kept.at("rows").at(0).get<int>();
    tuning.rows_int8 = kept.at("rows").at(1).get<int>();
    tuning.rows_int4 = kept.at("rows").at(2).get<int>();
  } catch (const json::exception&) {
    return std::nullopt;
  }
  const auto is_height = [](int rows) { return rows >= 1 && rows <= kMaxRows; };
  const auto names = available_kernels();
  const bool is_usable = tuning.processor == processor_name() && is_height(tuning.rows_bf16) &&
                         is_height(tuning.rows_int8) && is_height(tuning.rows_int4) &&
                         std::find(names.begin(), names.end(), tuning.kernels) != names.end();
  return is_usable ? std::optional(tuning) : std::nullopt;
}

// In one piece or not at all; what cannot be kept is measured again at the next start.
void keep(const Tuning& tuning, const std::filesystem::path& path) {
  std::filesystem::path draft = path;
  draft += ".new";
  std::error_code error;
  {
    std::ofstream file(draft, std::ios::trunc);
    file << to_json(tuning).dump(1) << '\n';
    file.close();
    if (!file) {
      std::filesystem::remove(draft, error);
      return;
    }
  }
  std::filesystem::rename(draft, path, error);
}

}  // namespace

Tuning measure_tuning() {
  const std::vector<std::string_view> names = available_kernels();
  const KernelTable& last = **choose_kernels(names.back());
  Tuning tuning{processor_name(), last.name, last.rows_bf16, last.rows_int8, last.rows_int4};
  std::vector<const KernelTable*> tables;
  for (const std::string_view name : names) {
    if (is_tunable(name)) tables.push_back(*choose_kernels(name));
  }
  if (tables.empty()) return tuning;
  const Best bf16 = fastest_of(tables, WeightFormat::bf16);
  tuning.kernels = bf16.kernels;
  tuning.rows_bf16 = bf16.height;
  tuning.rows_int8 = fastest_of({tables.front()}, WeightFormat::int8).height;
  tuning.rows_int4 = fastest_of({tables.front()}, WeightFormat::int4).height;
  return tuning;
}

Tuning load_tuning(const std::filesystem::path& file) {
  if (file.empty()) return measure_tuning();
  if (std::optional<Tuning> kept = read_tuning(file)) return *kept;
  Tuning tuning = measure_tuning();
  keep(tuning, file);
  return tuning;
}

Result<KernelTable> tuned_kernels(std::string_view name, const std::filesystem::path& file) {
  if (name != "auto") {
    const auto named = choose_kernels(name);
    if (!named) return tl::unexpected(named.error());
    return **named;
  }
  const Tuning tuning = load_tuning(file);
  KernelTable kernels = **choose_kernels(tuning.kernels);
  kernels.rows_bf16 = tuning.rows_bf16;
  kernels.rows_int8 = tuning.rows_int8;
  kernels.rows_int4 = tuning.rows_int4;
  return kernels;
}

}  // namespace hearth::engine::cpu
