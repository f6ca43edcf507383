// CudaDecoder's steps on a model folder, against what this GPU reads and multiplies in the same
// run.
//
//     cuda_bench FOLDER [bf16|fp32|fp16|int8] [launched]
//
// One line for each measurement, as JSON. `launched`: steps are not recorded.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/cuda/read_speed.h"
#include "engine/checkpoint/placement.h"
#include "engine/cuda/cuda_decoder.h"
#include "engine/cuda/cuda_device.h"

namespace {

using namespace hearth;
using namespace hearth::engine;
using Json = nlohmann::ordered_json;

template <class T>
T value_of(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "cuda_bench: %s\n", result.error().detail.c_str());
  std::exit(1);
}

struct Spread {
  double median = 0.0;
  double min = 0.0;
  double max = 0.0;
};

// Seconds of each call after three that warm up (record the step, time algorithms).
Spread seconds_of(int times, const std::function<void()>& call) {
  std::vector<double> seconds;
  for (int i = -3; i < times; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (i >= 0) seconds.push_back(took.count());
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front(), seconds.back()};
}

// Multiply-adds per second · 2 of 8192³ in bf16 on random data.
double matrix_speed(cuda::Device& device) {
  constexpr int kSize = 8192;
  constexpr std::size_t kBytes = std::size_t{kSize} * kSize * 2;
  const cuda::Buffer a = value_of(device.allocate(kBytes));
  const cuda::Buffer b = value_of(device.allocate(kBytes));
  const cuda::Buffer out = value_of(device.allocate(kBytes * 2));
  const cuda::Buffer pinned = value_of(device.allocate_pinned(kBytes));
  std::mt19937 random(1);
  for (std::size_t i = 0; i < kBytes / 2; ++i) {  // bf16 between 1 and 2, either sign
    pinned.as<std::uint16_t>()[i] = static_cast<std::uint16_t>(0x3F80U | (random() & 0x807FU));
  }
  device.upload(a.data(), pinned.data(), kBytes);
  device.upload(b.data(), pinned.data(), kBytes);
  value_of(device.synchronize().map([] { return 0; }));
  cuda::MatmulArgs args;
  args.matrix = {cuda::Numbers::bf16, a.data(), nullptr, kSize, kSize, kSize};
  args.x = b.data();
  args.num_tokens = kSize;
  args.out = out.as<float>();
  args.out_stride = kSize;
  const Spread spread = seconds_of(5, [&] {
    for (int i = 0; i < 10; ++i) device.launch(args);
    value_of(device.synchronize().map([] { return 0; }));
  });
  return 10.0 * 2.0 * kSize * kSize * kSize / spread.median;
}

class Steps {
 public:
  explicit Steps(StepRunner& runner) : runner_(runner) {
    const RunnerTraits& traits = runner.traits();
    std::mt19937 random(2);
    for (std::int64_t i = 0; i < traits.context_length; ++i)
      ids_.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(traits.vocab_size)));
    blocks_each_ = traits.num_blocks / traits.max_sequences;
    for (std::int32_t s = 0; s < traits.max_sequences; ++s) {
      tables_.emplace_back();
      for (std::int64_t b = 0; b < blocks_each_; ++b)
        tables_.back().push_back(static_cast<std::int32_t>(s * blocks_each_ + b));
    }
  }

  void prefill(int sequence, std::int64_t tokens) {
    for (std::int64_t at = 0; at < tokens;) {
      const std::int64_t count = std::min(tokens - at, runner_.traits().max_batch_tokens);
      BatchRow row = row_of(sequence, at, count);
      row.output = at + count == tokens ? RowOutput::logits : RowOutput::none;
      run({{row}});
      at += count;
    }
  }

  void decode(int batch, std::int64_t context) {
    Batch step;
    for (int s = 0; s < batch; ++s) {
      step.rows.push_back(row_of(s, context - 1, 1));
      step.rows.back().output = RowOutput::logits;
    }
    run(step);
  }

 private:
  BatchRow row_of(int sequence, std::int64_t position, std::int64_t count) const {
    BatchRow row;
    row.slot = sequence;
    row.position = position;
    row.tokens = std::span(ids_).subspan(static_cast<std::size_t>(position),
                                         static_cast<std::size_t>(count));
    row.block_table = tables_[static_cast<std::size_t>(sequence)];
    return row;
  }

  void run(const Batch& batch) {
    const StepResult result = value_of(runner_.run(batch));
    for (const RowResult& row : result.rows) {
      if (row.error.empty()) continue;
      std::fprintf(stderr, "cuda_bench: %s\n", row.error.c_str());
      std::exit(1);
    }
  }

  StepRunner& runner_;
  std::int64_t blocks_each_ = 0;
  std::vector<TokenId> ids_;
  std::vector<std::vector<std::int32_t>> tables_;
};

struct Costs {
  double weight_bytes = 0.0;  // read by a step: all but an embedding that is not the head
  double kv_bytes = 0.0;      // of a token
  double layer_parameters = 0.0;
};

Costs costs_of(const ModelSpec& spec, double element_bytes, std::int64_t activation_bytes) {
  const PlacementSizes sizes = placement_sizes(spec, spec.tied_embeddings, 0);
  Costs costs;
  for (const std::int64_t layer : sizes.layers)
    costs.layer_parameters += static_cast<double>(layer);
  const std::int64_t head = spec.tied_embeddings ? sizes.embedding : sizes.tail;
  costs.weight_bytes = (costs.layer_parameters + static_cast<double>(head)) * element_bytes;
  costs.kv_bytes = static_cast<double>(kv_bytes_per_token(spec, activation_bytes));
  return costs;
}

void print(const Json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

ComputeDtype dtype_of(const std::string& name) {
  for (const auto& [known, dtype] : kDtypeNames) {
    if (known == name) return dtype;
  }
  return ComputeDtype::automatic;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "cuda_bench FOLDER [dtype] [launched]\n"), 2;
  const std::string dtype = argc > 2 ? argv[2] : "bf16";
  const ModelSpec spec = value_of(load_model_spec(argv[1]));
  const Checkpoint checkpoint = value_of(Checkpoint::open(argv[1]));

  const double bytes_per_s = hearth::bench::read_speed(std::int64_t{8} << 30);
  const double flops = matrix_speed(*value_of(cuda::open_cuda_device()));
  print({{"read_gb_s", bytes_per_s / 1e9}, {"matrix_tflops", flops / 1e12}});

  cuda::CudaDecoderOptions options;
  options.runner.dtype = dtype_of(dtype);
  options.runner.max_sequences = 256;
  options.runner.context_length = std::min<std::int64_t>(spec.context_length, 4096);
  options.runner.max_batch_tokens = 2048;
  options.records_steps = argc <= 3 || std::strcmp(argv[3], "launched") != 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto runner = value_of(
      cuda::load_cuda_decoder(value_of(cuda::open_cuda_device()), checkpoint, spec, options, {}));
  const std::chrono::duration<double> load = std::chrono::steady_clock::now() - begin;
  const RunnerTraits& traits = runner->traits();
  print({{"decoder", traits.description}, {"load_s", load.count()}, {"blocks", traits.num_blocks}});

  Steps steps(*runner);
  const double element_bytes = dtype == "fp32" ? 4.0 : dtype == "int8" ? 1.0 + 2.0 / 32.0 : 2.0;
  const Costs costs = costs_of(spec, element_bytes, dtype == "fp32" ? 4 : 2);
  const std::int64_t context_each = traits.num_blocks / traits.max_sequences * traits.block_size;
  const std::vector<std::pair<int, std::int64_t>> decodes = {
      {1, 64}, {1, 1024}, {2, 64}, {4, 64}, {8, 64}, {16, 64}, {64, 1024}, {256, 128}};
  for (const auto& [batch, context] : decodes) {
    if (context > context_each) continue;
    for (int s = 0; s < batch; ++s) steps.prefill(s, context);
    const Spread spread = seconds_of(30, [&, b = batch, c = context] { steps.decode(b, c); });
    const double floor =
        (costs.weight_bytes + costs.kv_bytes * static_cast<double>(context) * batch) / bytes_per_s;
    print({{"phase", "decode"},
           {"batch", batch},
           {"context", context},
           {"tokens_per_s", batch / spread.median},
           {"ms", spread.median * 1e3},
           {"ms_min", spread.min * 1e3},
           {"ms_max", spread.max * 1e3},
           {"share_of_read_floor", floor / spread.median}});
  }
  for (const std::int64_t tokens : {std::int64_t{512}, std::int64_t{2048}}) {
    if (tokens > context_each) continue;
    const Spread spread = seconds_of(5, [&] { steps.prefill(0, tokens); });
    const double pairs = static_cast<double>(tokens) * static_cast<double>(tokens) / 2.0;
    const double needed =
        2.0 * costs.layer_parameters * static_cast<double>(tokens) +
        4.0 * static_cast<double>(spec.num_layers * spec.num_heads * spec.head_dim) * pairs;
    print({{"phase", "prefill"},
           {"tokens", tokens},
           {"tokens_per_s", static_cast<double>(tokens) / spread.median},
           {"ms", spread.median * 1e3},
           {"share_of_matrix_peak", needed / spread.median / flops}});
  }
  return 0;
}
