#include <cmath>
#include <string>

#include "tests/engine/cuda/kernel_cases.h"
#include "tests/engine/cuda/test_memory.h"

namespace hearth::engine::cuda::testing {
namespace {

constexpr Numbers kAllNumbers[] = {Numbers::fp32, Numbers::bf16, Numbers::fp16, Numbers::int8};

struct Product {
  std::vector<double> matrix;  // [rows, k] as seen
  std::vector<float> x;        // [tokens, k]
  int rows = 0;
  int k = 0;
  Numbers numbers = Numbers::fp32;

  double at(int token, int row) const {
    double sum = 0.0;
    for (int i = 0; i < k; ++i) {
      sum += matrix[static_cast<std::size_t>(row * k + i)] *
             stored(x[static_cast<std::size_t>(token * k + i)], numbers);
    }
    return sum;
  }
};

Product random_product(TestMemory& memory, Numbers numbers, int rows, int k, int tokens,
                       Matrix& matrix) {
  Product product;
  product.rows = rows;
  product.k = k;
  product.numbers = numbers;
  const auto size = static_cast<std::size_t>(rows * k);
  matrix = memory.put_matrix(random_values(size, 1), rows, k, numbers, product.matrix);
  product.x = random_values(static_cast<std::size_t>(tokens * k), 2);
  return product;
}

// fp32 sums of k terms of size 1.
double tolerance(int k) { return 4e-7 * k; }

void expect_products(Device& device, Numbers numbers, int rows, int k, int tokens, int split) {
  SCOPED_TRACE("numbers " + std::to_string(static_cast<int>(numbers)) + ", [" +
               std::to_string(rows) + ", " + std::to_string(k) + "], " + std::to_string(tokens) +
               " tokens, split " + std::to_string(split));
  TestMemory memory(device);
  GemvArgs args;
  const Product product = random_product(memory, numbers, rows, k, tokens, args.matrix);
  const std::vector<float> bias = random_values(static_cast<std::size_t>(rows), 3);
  const std::vector<float> before = random_values(static_cast<std::size_t>(tokens * rows), 4);
  args.num_tokens = tokens;
  args.x = memory.put_activations(product.x, k, numbers);
  args.bias = memory.put(bias);
  args.out_stride = rows;
  args.split = split;
  args.softcap = 30.0F;
  args.out = memory.put(before);
  device.launch(args);
  const auto count = static_cast<std::size_t>(tokens * rows);
  const std::vector<float> stored_out = memory.get(args.out, count);
  args.out = memory.put(before);
  args.epilogue = Epilogue::add;
  device.launch(args);
  const std::vector<float> added = memory.get(args.out, count);
  for (int t = 0; t < tokens; ++t) {
    for (int row = 0; row < rows; ++row) {
      const auto i = static_cast<std::size_t>(t * rows + row);
      const double value =
          product.at(t, row) + static_cast<double>(bias[static_cast<std::size_t>(row)]);
      ASSERT_NEAR(static_cast<double>(stored_out[i]), 30.0 * std::tanh(value / 30.0), tolerance(k));
      ASSERT_NEAR(static_cast<double>(added[i]), value + static_cast<double>(before[i]),
                  tolerance(k));
    }
  }
}

}  // namespace

void expect_gemv_is_exact(Device& device) {
  for (const Numbers numbers : kAllNumbers) {
    for (const int tokens : {1, 2, 3, 8}) expect_products(device, numbers, 37, 100, tokens, 1);
    for (const int split : {2, 4, 8}) expect_products(device, numbers, 38, 2100, 3, split);
    expect_products(device, numbers, 600, 64, 5, 1);  // more pairs than blocks have warps
  }
}

// The norm's weights are 1 and the inputs already as stored, so that only the sums differ.
void expect_fused_norm_is_exact(Device& device) {
  for (const Numbers numbers : kAllNumbers) {
    const int rows = 20;
    const int k = 72;
    const int tokens = 3;
    TestMemory memory(device);
    GemvArgs args;
    Product product = random_product(memory, numbers, rows, k, tokens, args.matrix);
    const std::vector<float> weight = random_values(static_cast<std::size_t>(k), 5);
    args.num_tokens = tokens;
    args.norm = {memory.put(product.x), memory.put(weight), 1.0F, 1e-5F, k};
    args.out = static_cast<float*>(memory.zeros(static_cast<std::size_t>(tokens * rows) * 4));
    args.out_stride = rows;
    device.launch(args);
    for (int t = 0; t < tokens; ++t) {
      float* row = product.x.data() + t * k;
      double squares = 0.0;
      for (int i = 0; i < k; ++i)
        squares += static_cast<double>(row[i]) * static_cast<double>(row[i]);
      const double scale = 1.0 / std::sqrt(squares / k + 1e-5);
      for (int i = 0; i < k; ++i)
        row[i] =
            static_cast<float>(static_cast<double>(row[i]) * scale *
                               (1.0 + static_cast<double>(weight[static_cast<std::size_t>(i)])));
    }
    const std::vector<float> out = memory.get(args.out, static_cast<std::size_t>(tokens * rows));
    // A normed value on the edge of two bf16 numbers may fall to either side.
    const double slack = numbers == Numbers::fp32 ? 1e-4 : 0.1;
    for (int t = 0; t < tokens; ++t) {
      for (int r = 0; r < rows; ++r)
        ASSERT_NEAR(static_cast<double>(out[static_cast<std::size_t>(t * rows + r)]),
                    product.at(t, r), slack);
    }
  }
}

void expect_gate_is_exact(Device& device) {
  for (const Numbers numbers : kAllNumbers) {
    for (const Act act : {Act::silu, Act::gelu_tanh}) {
      const int half = 21;
      const int k = 96;
      TestMemory memory(device);
      GemvArgs args;
      const Product product = random_product(memory, numbers, 2 * half, k, 2, args.matrix);
      args.num_tokens = 2;
      args.x = memory.put_activations(product.x, k, numbers);
      args.epilogue = Epilogue::gate;
      args.act = act;
      args.gated_stride = padded_row(half);
      args.gated = memory.zeros(static_cast<std::size_t>(2 * args.gated_stride) * 4);
      device.launch(args);
      const std::vector<float> out = memory.get_activations(
          args.gated, static_cast<std::size_t>(2 * args.gated_stride), numbers);
      for (int t = 0; t < 2; ++t) {
        for (int i = 0; i < half; ++i) {
          const double gate = product.at(t, i);
          const double inner = std::sqrt(2.0 / M_PI) * (gate + 0.044715 * gate * gate * gate);
          const double value = (act == Act::silu ? gate / (1.0 + std::exp(-gate))
                                                 : 0.5 * gate * (1.0 + std::tanh(inner))) *
                               product.at(t, half + i);
          const double rounding = numbers == Numbers::fp32 ? 1e-4 : 0.005 * std::fabs(value) + 1e-4;
          ASSERT_NEAR(static_cast<double>(out[static_cast<std::size_t>(t * args.gated_stride + i)]),
                      value, rounding);
        }
      }
    }
  }
}

void expect_matmul_is_exact(Device& device) {
  for (const Numbers numbers : {Numbers::fp32, Numbers::bf16, Numbers::fp16}) {
    for (const bool accumulate : {false, true}) {
      const int rows = 40;
      const int k = 136;
      const int tokens = 11;
      TestMemory memory(device);
      MatmulArgs args;
      const Product product = random_product(memory, numbers, rows, k, tokens, args.matrix);
      const std::vector<float> before = random_values(static_cast<std::size_t>(tokens * 64), 6);
      args.x = memory.put_activations(product.x, k, numbers);
      args.num_tokens = tokens;
      args.out = memory.put(before);
      args.out_stride = 64;
      args.accumulate = accumulate;
      device.launch(args);
      const std::vector<float> out = memory.get(args.out, before.size());
      for (int t = 0; t < tokens; ++t) {
        for (int r = 0; r < 64; ++r) {
          const auto i = static_cast<std::size_t>(t * 64 + r);
          const double old = static_cast<double>(before[i]);
          const double expected =
              r < rows ? product.at(t, r) + (accumulate ? old : 0.0) : old;  // beyond: untouched
          ASSERT_NEAR(static_cast<double>(out[i]), expected, tolerance(k)) << t << ", " << r;
        }
      }
    }
  }
}

}  // namespace hearth::engine::cuda::testing
