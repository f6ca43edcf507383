// How far the packed products are from fp64, matrix by matrix: ‖Wx − product‖ / ‖Wx‖ over several
// random inputs, for each number format. A folder of random weights with planted outlier channels
// shows what groups of 32 are good for.
//
//   matrix_error FOLDER
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "engine/cpu/activations.h"
#include "engine/cpu/instruction_set.h"
#include "engine/cpu/packed_matrix.h"
#include "engine/cpu/tensor_rows.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {
namespace {

constexpr std::int64_t kInputs = 4;
constexpr WeightFormat kFormats[] = {WeightFormat::bf16, WeightFormat::int8, WeightFormat::int4};

std::vector<float> random_inputs(std::int64_t k) {
  std::mt19937 random(5);
  std::normal_distribution<float> bell;
  std::vector<float> inputs(static_cast<std::size_t>(kInputs * k));
  std::generate(inputs.begin(), inputs.end(), [&] { return bell(random); });
  return inputs;
}

// [kInputs][rows], in fp64 from the weights as the file has them.
std::vector<double> exact_products(const std::vector<float>& weights, std::int64_t rows,
                                   std::int64_t k, const std::vector<float>& inputs) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < kInputs; ++i) {
    for (std::int64_t row = 0; row < rows; ++row) {
      double sum = 0.0;
      for (std::int64_t c = 0; c < k; ++c) {
        sum += static_cast<double>(weights[static_cast<std::size_t>(row * k + c)]) *
               static_cast<double>(inputs[static_cast<std::size_t>(i * k + c)]);
      }
      out.push_back(sum);
    }
  }
  return out;
}

std::vector<double> packed_products(WeightFormat format, const KernelTable& kernels,
                                    WorkerPool& pool, const std::vector<float>& weights,
                                    std::int64_t rows, std::int64_t k,
                                    const std::vector<float>& inputs) {
  PackedMatrix matrix{format, rows, k, nullptr};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(matrix.bytes()) + 64);
  matrix.data = bytes.data() + (64 - reinterpret_cast<std::uintptr_t>(bytes.data()) % 64) % 64;
  pack(
      matrix, [&](std::int64_t row, float* out) { std::copy_n(weights.data() + row * k, k, out); },
      kernels, pool);
  Activations activations(kernels);
  activations.prepare(format, kInputs, k);
  for (std::int64_t i = 0; i < kInputs; ++i) activations.put(i, inputs.data() + i * k);
  const MultiplyFn multiply = format == WeightFormat::bf16   ? kernels.multiply_bf16
                              : format == WeightFormat::int8 ? kernels.multiply_int8
                                                             : kernels.multiply_int4;
  std::vector<double> out(static_cast<std::size_t>(kInputs * rows));
  for (std::int64_t tile = 0; tile < activations.num_tiles(); ++tile) {
    for (std::int64_t panel = 0; panel < matrix.num_panels(); ++panel) {
      alignas(64) float values[kMaxRows * kPanelRows];
      multiply(matrix.panel(panel), activations.tile(tile), values);
      const std::int64_t first = activations.first_row(tile);
      for (std::int64_t i = first; i < activations.first_row(tile + 1); ++i) {
        for (std::int64_t n = 0; n < kPanelRows && panel * kPanelRows + n < rows; ++n) {
          out[static_cast<std::size_t>(i * rows + panel * kPanelRows + n)] =
              static_cast<double>(values[(i - first) * kPanelRows + n]);
        }
      }
    }
  }
  return out;
}

double relative_error(const std::vector<double>& actual, const std::vector<double>& exact) {
  double difference = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference += (actual[i] - exact[i]) * (actual[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return std::sqrt(difference / size);
}

// "model.layers.3.mlp.up_proj.weight" → "mlp.up_proj": the layers of one kind are one line.
std::string kind_of(const std::string& name) {
  std::string kind = name.substr(0, name.rfind(".weight"));
  const std::size_t layer = kind.find("layers.");
  if (layer != std::string::npos) kind = kind.substr(kind.find('.', layer + 7) + 1);
  return kind;
}

int run(const char* folder) {
  const auto checkpoint = Checkpoint::open(folder);
  const auto kernels = choose_kernels("auto");
  if (!checkpoint || !kernels) {
    std::fprintf(stderr, "%s\n",
                 (checkpoint ? kernels.error() : checkpoint.error()).detail.c_str());
    return 1;
  }
  WorkerPool pool(1);
  std::map<std::string, std::map<WeightFormat, std::vector<double>>> errors;
  for (const NamedTensor& tensor : checkpoint->tensors()) {
    const std::vector<std::int64_t>& shape = tensor.view.shape;
    if (shape.size() != 2) continue;
    std::vector<float> weights(static_cast<std::size_t>(shape[0] * shape[1]));
    for (std::int64_t row = 0; row < shape[0]; ++row)
      read_row(**kernels, tensor.view, row, weights.data() + row * shape[1]);
    const std::vector<float> inputs = random_inputs(shape[1]);
    const std::vector<double> exact = exact_products(weights, shape[0], shape[1], inputs);
    for (const WeightFormat format : kFormats) {
      errors[kind_of(tensor.name)][format].push_back(relative_error(
          packed_products(format, **kernels, pool, weights, shape[0], shape[1], inputs), exact));
    }
  }
  std::printf("| matrix | bf16 | int8 | int4 |\n|---|---|---|---|\n");
  for (const auto& [kind, by_format] : errors) {
    std::printf("| %s |", kind.c_str());
    for (const WeightFormat format : kFormats) {
      const std::vector<double>& all = by_format.at(format);
      std::printf(" %.2e |", *std::max_element(all.begin(), all.end()));
    }
    std::printf("\n");
  }
  return 0;
}

}  // namespace
}  // namespace hearth::engine::cpu

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: matrix_error FOLDER\n");
    return 1;
  }
  return hearth::engine::cpu::run(argv[1]);
}
