// Device memory with known contents, for the tests of single kernels on any Device.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cuda/device.h"
#include "engine/cuda/kernels/launch.h"
#include "engine/cuda/matrix_rows.h"
#include "engine/cuda/staging.h"

namespace hearth::engine::cuda::testing {

inline std::vector<float> random_values(std::size_t count, unsigned seed, float size = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, size);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// What a value is after it was stored as `numbers`.
inline double stored(float value, Numbers numbers) {
  float out = value;
  with_activations(activations_of(numbers), [&](auto x) {
    store_float(value, x);
    out = to_float(x);
  });
  return static_cast<double>(out);
}

// Keeps everything that a test gives to a device.
class TestMemory {
 public:
  explicit TestMemory(Device& device)
      : device_(device), staging_(*Staging::create(device, std::size_t{1} << 22)) {}

  void* zeros(std::size_t bytes) {
    buffers_.push_back(*device_.allocate(bytes));
    return buffers_.back().data();
  }

  template <class T>
  T* put(std::span<const T> values) {
    void* const data = zeros(values.size_bytes());
    EXPECT_TRUE(staging_.send_values(data, std::as_bytes(values)));
    return static_cast<T*>(data);
  }
  template <class T>
  T* put(const std::vector<T>& values) {
    return put(std::span<const T>(values));
  }

  template <class T>
  std::vector<T> get(const T* from, std::size_t count) {
    Buffer pinned = *device_.allocate_pinned(count * sizeof(T));
    device_.download(pinned.data(), from, count * sizeof(T));
    EXPECT_TRUE(device_.synchronize());
    return {pinned.as<T>(), pinned.as<T>() + count};
  }

  // Values as `numbers` would store them as activations, read back as fp32.
  std::vector<float> get_activations(const void* from, std::size_t count, Numbers numbers) {
    std::vector<float> values;
    with_activations(activations_of(numbers), [&](auto x) {
      for (const auto value : get(static_cast<const decltype(x)*>(from), count))
        values.push_back(to_float(value));
    });
    return values;
  }

  // Rows of k values, each padded.
  void* put_activations(const std::vector<float>& values, int k, Numbers numbers) {
    const Numbers as = activations_of(numbers);
    const std::size_t rows = values.size() / static_cast<std::size_t>(k);
    const auto row_bytes = static_cast<std::size_t>(padded_row(k) * bytes_of(as));
    std::vector<std::byte> bytes(rows * row_bytes);
    for (std::size_t r = 0; r < rows; ++r)
      pack_row(values.data() + r * static_cast<std::size_t>(k), k, padded_row(k), as,
               bytes.data() + r * row_bytes, nullptr);
    return put(bytes);
  }

  // A matrix and, in `seen`, its values as the products see them.
  Matrix put_matrix(const std::vector<float>& values, int rows, int k, Numbers numbers,
                    std::vector<double>& seen) {
    Matrix matrix{numbers, nullptr, nullptr, rows, k, padded_row(k)};
    const auto row_bytes = static_cast<std::size_t>(matrix.stride * bytes_of(numbers));
    const auto groups = static_cast<std::size_t>(matrix.stride / kInt8Group);
    std::vector<std::byte> bytes(static_cast<std::size_t>(rows) * row_bytes);
    std::vector<Fp16> scales(static_cast<std::size_t>(rows) * groups);
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
      pack_row(values.data() + r * static_cast<std::size_t>(k), k, matrix.stride, numbers,
               bytes.data() + r * row_bytes, scales.data() + r * groups);
      for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
        if (numbers == Numbers::int8) {
          const auto code = static_cast<std::int8_t>(bytes[r * row_bytes + i]);
          seen.push_back(static_cast<double>(code) *
                         static_cast<double>(to_float(scales[r * groups + i / kInt8Group])));
        } else {
          seen.push_back(stored(values[r * static_cast<std::size_t>(k) + i], numbers));
        }
      }
    }
    matrix.data = put(bytes);
    if (numbers == Numbers::int8) matrix.scales = put(scales);
    return matrix;
  }

 private:
  Device& device_;
  Staging staging_;
  std::vector<Buffer> buffers_;
};

}  // namespace hearth::engine::cuda::testing
