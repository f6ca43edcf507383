#include "engine/cli/bench.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/cli/bench_steps.h"
#include "engine/cli/flags.h"
#include "engine/cli/model_folder.h"
#include "engine/cpu/cpu_decoder.h"
#include "engine/cpu/machine_speed.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kBigBuffer = std::int64_t{4} << 30;

struct Options {
  std::string model;
  bool json = false;
  bool quick = false;
  int repeat = 5;
  int pairs = 20;
  RunnerOptions runner;
};

// One line of the result.
struct Phase {
  const char* name = "";
  std::int64_t batch = 1;
  std::int64_t context = 0;  // prefill: the prompt's length; decode: tokens of each sequence
  bool quick = false;        // part of --quick
};

constexpr std::array kPhases = {
    Phase{"prefill", 1, 128, true}, Phase{"prefill", 1, 512, true}, Phase{"prefill", 1, 2048},
    Phase{"decode", 1, 64, true},   Phase{"decode", 4, 64},         Phase{"decode", 8, 64, true},
    Phase{"decode", 16, 64},        Phase{"decode", 32, 64, true},  Phase{"decode", 1, 1024},
    Phase{"decode", 8, 1024},       Phase{"decode", 32, 1024},      Phase{"decode", 1, 4096},
    Phase{"decode", 8, 4096},
};

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Smallest, middle and largest.
struct Spread {
  double min = 0.0;
  double median = 0.0;
  double max = 0.0;
};

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A number of /proc/self/status, in MB.
double memory_mb(const std::string& key) {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    double kib = 0.0;
    if (word == key && file >> kib) return kib * 1024e-6;
  }
  return 0.0;
}

// What the arithmetic of one step costs, to compare with the machine's limits.
struct Costs {
  double step_bytes = 0.0;   // weights read by a step with output rows
  double kv_bytes = 0.0;     // per token of context
  double token_flops = 0.0;  // per token without the head
  double head_flops = 0.0;   // per row with logits
  double peak = 0.0;         // operations a second of the instruction that multiplies
};

Costs costs_of(const ModelSpec& spec, ComputeDtype dtype, const cpu::ComputePeaks& peaks) {
  const auto format = dtype == ComputeDtype::int8   ? cpu::WeightFormat::int8
                      : dtype == ComputeDtype::int4 ? cpu::WeightFormat::int4
                                                    : cpu::WeightFormat::bf16;
  const double head = static_cast<double>(spec.vocab_size * spec.hidden_size);
  const double layer =
      static_cast<double>(spec.hidden_size) *
      static_cast<double>((spec.num_heads * 2 + spec.num_kv_heads * 2) * spec.head_dim +
                          3 * spec.intermediate_size);
  Costs costs;
  costs.step_bytes = static_cast<double>(cpu::packed_bytes(spec, format));
  if (!spec.tied_embeddings)
    costs.step_bytes -=
        head * costs.step_bytes / (layer * static_cast<double>(spec.num_layers) + 2.0 * head);
  costs.kv_bytes = static_cast<double>(spec.num_layers * spec.num_kv_heads * spec.head_dim) * 4.0;
  costs.token_flops = 2.0 * layer * static_cast<double>(spec.num_layers);
  costs.head_flops = 2.0 * head;
  const double bf16_peak = std::max(peaks.bf16_gflops, peaks.fp32_gflops);
  costs.peak = 1e9 * (format == cpu::WeightFormat::bf16 ? bf16_peak : peaks.int8_gops);
  return costs;
}

class Bench {
 public:
  Bench(const Options& options, ModelSpec spec) : options_(options), spec_(std::move(spec)) {}

  ordered_json run();

 private:
  void load();
  void measure_machine();
  ordered_json measure(const Phase& phase);
  ordered_json measure_pairs();

  const Options& options_;
  ModelSpec spec_;
  RunnerChoice choice_;
  std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<BenchSteps> steps_;
  std::unique_ptr<cpu::MachineSpeed> machine_;
  cpu::ComputePeaks peaks_;
  Costs costs_;
  double load_s_ = 0.0;
  double read_gb_s_ = 0.0;
  std::optional<Spread> big_read_;
};

void Bench::load() {
  const Checkpoint checkpoint = value_of(Checkpoint::open(options_.model));
  RunnerOptions runner = options_.runner;
  runner.max_sequences = 32;
  runner.context_length =
      std::min<std::int64_t>(spec_.context_length, options_.quick ? 1024 : 4160);
  runner.num_blocks = 32 * ((runner.context_length + runner.block_size - 1) / runner.block_size);
  choice_ = choose_runner(spec_, runner);
  const Clock::time_point begin = Clock::now();
  runner_ = value_of(load_runner(checkpoint, spec_, runner, {}));
  load_s_ = seconds_since(begin);
  steps_ = std::make_unique<BenchSteps>(*runner_);
}

void Bench::measure_machine() {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const int threads =
      options_.runner.threads > 0 ? options_.runner.threads : static_cast<int>(cores);
  machine_ = std::make_unique<cpu::MachineSpeed>(threads);
  peaks_ = machine_->compute_peaks();
  const auto reads = [&](std::int64_t bytes, int times) {
    value_of(machine_->prepare_reads(bytes));
    std::vector<double> speeds;
    for (int i = 0; i < times; ++i) speeds.push_back(machine_->read_gb_per_s());
    return spread_of(std::move(speeds));
  };
  if (!options_.quick) big_read_ = reads(kBigBuffer, options_.repeat);
  costs_ = costs_of(spec_, choice_.dtype, peaks_);
  read_gb_s_ =
      reads(static_cast<std::int64_t>(costs_.step_bytes), std::max(options_.repeat, 9)).median;
}

ordered_json Bench::measure(const Phase& phase) {
  const bool is_prefill = std::string_view(phase.name) == "prefill";
  if (!is_prefill) value_of(steps_->touch(phase.batch, phase.context));
  const auto once = [&] {
    return value_of(is_prefill ? steps_->prefill(phase.context)
                               : steps_->decode(phase.batch, phase.context));
  };
  once();  // buffers grow to their size
  std::vector<double> seconds;
  const int times = is_prefill ? options_.repeat : options_.repeat * 3;
  for (int i = 0; i < times; ++i) seconds.push_back(once());
  const Spread spread = spread_of(std::move(seconds));
  const auto tokens = static_cast<double>(is_prefill ? phase.context : phase.batch);
  ordered_json line = {{"phase", phase.name},
                       {"dtype", choice_.packed ? "" : choice_.cuda ? "cuda" : "torch"},
                       {"batch", phase.batch},
                       {"context", phase.context},
                       {"tokens", tokens},
                       {"tokens_per_s", tokens / spread.median},
                       {"min", tokens / spread.max},
                       {"max", tokens / spread.min}};
  for (const auto& [name, dtype] : kDtypeNames) {
    if (choice_.packed && dtype == choice_.dtype) line["dtype"] = name;
  }
  if (!choice_.packed) return line;
  const double context = static_cast<double>(phase.context);
  const double bytes =
      costs_.step_bytes + costs_.kv_bytes * context * static_cast<double>(phase.batch);
  const double rows = is_prefill ? 1.0 : tokens;
  const double flops = costs_.token_flops * tokens + costs_.head_flops * rows;
  if (!is_prefill) line["bandwidth_fraction"] = bytes / spread.median * 1e-9 / read_gb_s_;
  if (costs_.peak > 0.0) line["peak_fraction"] = flops / spread.median / costs_.peak;
  return line;
}

// Decode steps and plain reads of as many bytes by turns, because the same read swings by a third
// within minutes on a shared machine.
ordered_json Bench::measure_pairs() {
  std::vector<double> steps;
  std::vector<double> reads;
  for (int i = 0; i < options_.pairs; ++i) {
    steps.push_back(costs_.step_bytes / value_of(steps_->decode(1, 64)) * 1e-9);
    reads.push_back(machine_->read_gb_per_s());
  }
  const Spread step = spread_of(std::move(steps));
  const Spread read = spread_of(std::move(reads));
  return {{"pairs", options_.pairs},
          {"decode_gb_s", {step.min, step.median, step.max}},
          {"read_gb_s", {read.min, read.median, read.max}},
          {"bandwidth_fraction", step.median / read.median}};
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  }
  return "unknown";
}

ordered_json Bench::run() {
  load();
  const double after_load = memory_mb("RssAnon:");
  measure_machine();
  ordered_json results = ordered_json::array();
  for (const Phase& phase : kPhases) {
    if (options_.quick && !phase.quick) continue;
    if (phase.context > runner_->traits().context_length) continue;
    results.push_back(measure(phase));
  }
  ordered_json report = {
      {"machine", processor()},
      {"decoder", runner_->traits().description},
      {"why", choice_.why},
      {"read_gb_s", read_gb_s_},
      {"read_4gib_gb_s", big_read_ ? ordered_json(big_read_->median) : ordered_json(nullptr)},
      {"peaks",
       {{"fp32_gflops", peaks_.fp32_gflops},
        {"bf16_gflops", peaks_.bf16_gflops},
        {"int8_gops", peaks_.int8_gops}}},
      {"load_s", load_s_},
      {"memory",
       {{"weights_mb", costs_.step_bytes * 1e-6},
        {"anonymous_after_load_mb", after_load},
        {"peak_mb", memory_mb("VmHWM:")}}},
      {"results", std::move(results)}};
  if (choice_.packed) report["paired"] = measure_pairs();
  report["logits_hash"] = value_of(steps_->logits_hash());
  return report;
}

void print(const ordered_json& report) {
  const auto number = [](const ordered_json& value) {
    return value.is_number() ? value.get<double>() : 0.0;
  };
  std::printf("%s\n%s\n", report["machine"].get<std::string>().c_str(),
              report["decoder"].get<std::string>().c_str());
  std::printf("reads %.1f GB/s (buffer of the model's size)", number(report["read_gb_s"]));
  if (report["read_4gib_gb_s"].is_number())
    std::printf(", %.1f GB/s (4 GiB)", number(report["read_4gib_gb_s"]));
  const auto& peaks = report["peaks"];
  std::printf("\npeaks %.0f GFLOP/s fp32, %.0f bf16, %.0f Gop/s int8\n",
              number(peaks["fp32_gflops"]), number(peaks["bf16_gflops"]),
              number(peaks["int8_gops"]));
  const auto& memory = report["memory"];
  std::printf("loaded in %.2f s; weights %.0f MB, anonymous memory %.0f MB\n\n",
              number(report["load_s"]), number(memory["weights_mb"]),
              number(memory["anonymous_after_load_mb"]));
  std::printf("%-8s %5s %8s %10s %19s %10s %6s\n", "phase", "batch", "context", "tokens/s",
              "min … max", "bandwidth", "peak");
  for (const auto& line : report["results"]) {
    std::printf("%-8s %5.0f %8.0f %10.1f %8.1f … %8.1f", line["phase"].get<std::string>().c_str(),
                number(line["batch"]), number(line["context"]), number(line["tokens_per_s"]),
                number(line["min"]), number(line["max"]));
    for (const char* key : {"bandwidth_fraction", "peak_fraction"}) {
      if (line.contains(key)) {
        std::printf(" %8.0f %%", number(line[key]) * 100.0);
      } else {
        std::printf(" %10s", "");
      }
    }
    std::printf("\n");
  }
  if (report.contains("paired")) {
    const auto& paired = report["paired"];
    std::printf(
        "\ndecode reads %.1f GB/s, a plain read %.1f GB/s by turns: %.0f %% (%.0f pairs, "
        "medians)\n",
        number(paired["decode_gb_s"][1]), number(paired["read_gb_s"][1]),
        number(paired["bandwidth_fraction"]) * 100.0, number(paired["pairs"]));
  }
  std::printf("logits %s\n", report["logits_hash"].get<std::string>().c_str());
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("bench", "Measure the engine against this machine's limits");
  command->add_option("--model", options->model, "Model folder")->required();
  command->add_flag("--json", options->json, "One JSON object instead of a table");
  command->add_flag("--quick", options->quick,
                    "Fewer phases, under a minute for half a billion parameters");
  command->add_option("--repeat", options->repeat, "Runs of each phase; medians are shown")
      ->check(CLI::Range(1, 1000));
  command->add_option("--pairs", options->pairs, "Decode steps measured by turns with plain reads")
      ->check(CLI::Range(1, 10000));
  add_engine_flags(*command, options->runner);
  command->callback([options] {
    Bench bench(*options, value_of(load_model_spec(options->model)));
    const ordered_json report = bench.run();
    if (options->json) {
      std::cout << report.dump(2) << '\n';
    } else {
      print(report);
    }
  });
}

}  // namespace hearth::engine
