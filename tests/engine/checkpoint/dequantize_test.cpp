// Quantised modules, worked by hand from the formulas of models §8.6.
#include "engine/checkpoint/dequantize.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/checkpoint/temp_folder.h"
#include "tests/engine/checkpoint/torch_files.h"

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::little_endian;
using testing::TempFolder;

std::string words(const std::vector<std::uint32_t>& values) {
  std::string bytes;
  for (const std::uint32_t value : values) bytes += little_endian(value, 4);
  return bytes;
}

std::string floats(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) {
    std::uint32_t word = 0;
    std::memcpy(&word, &value, sizeof word);
    bits.push_back(word);
  }
  return words(bits);
}

// A folder with one safetensors file.
class QuantizedFolder {
 public:
  void add(const std::string& name, const std::string& dtype, const std::string& shape,
           const std::string& data) {
    header_ += (header_.empty() ? "{\"" : ",\"") + name + R"(":{"dtype":")" + dtype +
               R"(","shape":)" + shape + R"(,"data_offsets":[)" + std::to_string(data_.size()) +
               ',' + std::to_string(data_.size() + data.size()) + "]}";
    data_ += data;
  }
  Checkpoint open() const {
    folder_->write("model.safetensors",
                  little_endian(header_.size() + 1, 8) + header_ + "}" + data_);
    auto checkpoint = Checkpoint::open(folder_->path());
    EXPECT_TRUE(checkpoint) << checkpoint.error().detail;
    return std::move(*checkpoint);
  }

 private:
  std::unique_ptr<TempFolder> folder_ = std::make_unique<TempFolder>();
  std::string header_;
  std::string data_;
};

std::vector<float> row_of(const QuantizedFolder& folder, const QuantizationSpec& spec,
                          std::int64_t row, std::int64_t rows, std::int64_t columns) {
  const Checkpoint checkpoint = folder.open();
  const auto found = find_quantized(checkpoint, spec, "q", rows, columns);
  EXPECT_TRUE(found) << found.error().detail;
  if (!found || !*found) return {};
  std::vector<float> values(static_cast<std::size_t>(columns));
  (*found)->view.rows->read(row, values.data());
  return values;
}

Error error_of(const QuantizedFolder& folder, const QuantizationSpec& spec, std::int64_t rows,
               std::int64_t columns) {
  const Checkpoint checkpoint = folder.open();
  const auto found = find_quantized(checkpoint, spec, "q", rows, columns);
  EXPECT_FALSE(found);
  return found ? Error{} : found.error();
}

// Eight inputs, eight outputs, one group: input i of output o has the number (i + o) & 15.
QuantizedFolder gptq_folder() {
  QuantizedFolder folder;
  std::vector<std::uint32_t> packed;
  for (std::uint32_t o = 0; o < 8; ++o) {
    std::uint32_t word = 0;
    for (std::uint32_t i = 0; i < 8; ++i) word |= ((i + o) & 15U) << (4 * i);
    packed.push_back(word);
  }
  folder.add("q.qweight", "I32", "[1, 8]", words(packed));
  folder.add("q.qzeros", "I32", "[2, 1]", words({0x77777777U, 0x00000002U}));
  folder.add("q.scales", "F32", "[2, 8]",
             floats({1, 2, 1, 1, 1, 1, 1, 1, 0.5F, 1, 1, 1, 1, 1, 1, 1}));
  return folder;
}

TEST(Dequantize, GptqCountsItsZerosFromOne) {
  QuantizationSpec spec{.method = QuantMethod::gptq};
  // Two groups of four inputs: zero 7 + 1 with scale 1 and 2, then 2 + 1 with scale 0.5.
  EXPECT_THAT(row_of(gptq_folder(), spec, 0, 8, 8), ElementsAre(-8, -7, -6, -5, 0.5, 1, 1.5, 2));
  EXPECT_THAT(row_of(gptq_folder(), spec, 1, 8, 8), ElementsAre(-14, -12, -10, -8, 4, 5, 6, 7));
  spec.zeros_are_exact = true;
  EXPECT_THAT(row_of(gptq_folder(), spec, 0, 8, 8), ElementsAre(-7, -6, -5, -4, 1, 1.5, 2, 2.5));
}

TEST(Dequantize, GptqInputsBelongToTheGroupThatGIdxSays) {
  QuantizedFolder folder = gptq_folder();
  folder.add("q.g_idx", "I32", "[8]", words({1, 0, 1, 0, 0, 0, 0, 0}));
  EXPECT_THAT(row_of(folder, {.method = QuantMethod::gptq}, 0, 8, 8),
              ElementsAre(-1.5, -7, -0.5, -5, -4, -3, -2, -1));
  QuantizedFolder outside = gptq_folder();
  outside.add("q.g_idx", "I32", "[8]", words({0, 0, 0, 0, 0, 0, 0, 2}));
  EXPECT_THAT(error_of(outside, {.method = QuantMethod::gptq}, 8, 8).detail,
              HasSubstr("group 2 of 2"));
}

TEST(Dequantize, GptqHasOtherWidthsToo) {
  QuantizedFolder folder;
  folder.add("q.qweight", "I32", "[1, 4]", words({0x04030201U, 0, 0, 0xFF000000U}));
  folder.add("q.qzeros", "I32", "[1, 1]", words({0x01000000U}));
  folder.add("q.scales", "F32", "[1, 4]", floats({1, 1, 1, 1}));
  const QuantizationSpec spec{.method = QuantMethod::gptq, .bits = 8};
  EXPECT_THAT(row_of(folder, spec, 0, 4, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(row_of(folder, spec, 3, 4, 4), ElementsAre(-2, -2, -2, 253));
}

TEST(Dequantize, AwqPacksItsOutputsInItsOwnOrder) {
  QuantizedFolder folder;
  // The nibbles from the lowest are outputs 0, 2, 4, 6, 1, 3, 5, 7; here each holds its own place.
  folder.add("q.qweight", "I32", "[2, 1]", words({0x76543210U, 0x00000000U}));
  folder.add("q.qzeros", "I32", "[1, 1]", words({0x11111111U}));
  folder.add("q.scales", "F32", "[1, 8]", floats({1, 1, 1, 1, 1, 1, 1, 2}));
  const QuantizationSpec spec{.method = QuantMethod::awq};
  EXPECT_THAT(row_of(folder, spec, 0, 8, 2), ElementsAre(-1, -1));  // nibble 0
  EXPECT_THAT(row_of(folder, spec, 1, 8, 2), ElementsAre(3, -1));   // nibble 4
  EXPECT_THAT(row_of(folder, spec, 2, 8, 2), ElementsAre(0, -1));   // nibble 1
  EXPECT_THAT(row_of(folder, spec, 7, 8, 2), ElementsAre(12, -2));  // nibble 7
}

TEST(Dequantize, Fp8HasAScaleForEachBlockRowOrTensor) {
  // 0x38 is 1, 0x40 is 2, 0xB8 is −1, 0x01 is 2⁻⁹, 0x7E is 448.
  const std::string data = "\x38\x40\xB8\x01\x7E\x38";
  const QuantizationSpec spec{.method = QuantMethod::fp8, .block_rows = 1, .block_columns = 2};
  QuantizedFolder blocks;
  blocks.add("q.weight_scale_inv", "F32", "[2, 2]", floats({1, 2, 3, 4}));
  blocks.add("q.weight", "F8_E4M3", "[2, 3]", data);
  EXPECT_THAT(row_of(blocks, spec, 0, 2, 3), ElementsAre(1, 2, -2));
  EXPECT_THAT(row_of(blocks, spec, 1, 2, 3), ElementsAre(3.0F / 512.0F, 3.0F * 448.0F, 4));
  QuantizedFolder rows;
  rows.add("q.weight_scale", "F32", "[2, 1]", floats({1, 10}));
  rows.add("q.weight", "F8_E4M3", "[2, 3]", data);
  EXPECT_THAT(row_of(rows, spec, 1, 2, 3), ElementsAre(10.0F / 512.0F, 4480, 10));
  QuantizedFolder whole;
  whole.add("q.weight_scale", "F32", "[]", floats({2}));
  whole.add("q.weight", "F8_E4M3", "[2, 3]", data);
  EXPECT_THAT(row_of(whole, spec, 0, 2, 3), ElementsAre(2, 4, -2));
}

TEST(Dequantize, Int8HasAScaleForEachRow) {
  QuantizedFolder folder;
  folder.add("q.SCB", "F32", "[2]", floats({127, 254}));
  folder.add("q.weight", "I8", "[2, 2]", "\x7F\x81\x01\xFF");
  const QuantizationSpec spec{.method = QuantMethod::bnb8};
  EXPECT_THAT(row_of(folder, spec, 0, 2, 2), ElementsAre(127, -127));
  EXPECT_THAT(row_of(folder, spec, 1, 2, 2), ElementsAre(2, -2));
}

TEST(Dequantize, ModulesThatKeptTheirNumbersAreNotQuantised) {
  QuantizedFolder folder;
  folder.add("q.weight", "F32", "[1, 1]", floats({1}));
  const Checkpoint checkpoint = folder.open();
  for (const QuantMethod method :
       {QuantMethod::gptq, QuantMethod::awq, QuantMethod::fp8, QuantMethod::bnb8}) {
    const auto found = find_quantized(checkpoint, {.method = method}, "q", 1, 1);
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
  }
}

TEST(Dequantize, CompanionsMustBeThereAndFit) {
  QuantizedFolder missing;
  missing.add("q.qweight", "I32", "[1, 8]", words(std::vector<std::uint32_t>(8)));
  EXPECT_EQ(error_of(missing, {.method = QuantMethod::gptq}, 8, 8).code, ErrorCode::tensor_missing);
  EXPECT_EQ(error_of(gptq_folder(), {.method = QuantMethod::gptq}, 8, 16).code,
            ErrorCode::tensor_shape_mismatch);
  EXPECT_EQ(error_of(gptq_folder(), {.method = QuantMethod::gptq}, 4, 8).code,
            ErrorCode::tensor_shape_mismatch);
  QuantizedFolder typed;
  typed.add("q.SCB", "I32", "[1]", words({1}));
  typed.add("q.weight", "I8", "[1, 4]", "abcd");
  EXPECT_EQ(error_of(typed, {.method = QuantMethod::bnb8}, 1, 4).code,
            ErrorCode::dtype_unsupported);
}

}  // namespace
}  // namespace hearth::engine
