// The rules of the safetensors format (models §9.2), each violated once, and the attacks of §9.3.
#include "engine/checkpoint/safetensors.h"

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/checkpoint/temp_folder.h"

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::safetensors_bytes;

Result<std::vector<NamedTensor>> parse(const std::string& file) {
  return parse_safetensors({reinterpret_cast<const std::byte*>(file.data()), file.size()}, "f");
}

// The sentence of the error, or "accepted".
std::string parse_error(const std::string& file) {
  const auto result = parse(file);
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::weights_invalid);
  return result.error().detail;
}

std::string header_error(const std::string& header, std::size_t num_data) {
  return parse_error(safetensors_bytes(header, num_data));
}

const std::string kOne = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(Safetensors, GivesViewsInTheOrderOfTheBytes) {
  const std::string file = safetensors_bytes(
      R"({"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      16);
  const auto tensors = parse(file);
  ASSERT_TRUE(tensors) << tensors.error().detail;
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_TRUE((*tensors)[0].view.shape.empty());
  EXPECT_EQ((*tensors)[1].view.dtype, Dtype::bf16);
  EXPECT_THAT((*tensors)[1].view.shape, ElementsAre(2, 3));
  EXPECT_THAT((*tensors)[1].view.strides, ElementsAre(3, 1));
  EXPECT_EQ((*tensors)[1].view.bytes.size(), 12U);
  EXPECT_EQ(reinterpret_cast<const char*>((*tensors)[1].view.bytes.data()),
            file.data() + file.size() - 12);
}

TEST(Safetensors, AcceptsAnEmptyHeaderWithoutData) { EXPECT_EQ(header_error("{}", 0), "accepted"); }

TEST(Safetensors, AcceptsWhitespaceOnBothSidesOfTheHeader) {
  EXPECT_EQ(header_error(" \t\r\n" + kOne + " \t\r\n", 8), "accepted");
}

TEST(Safetensors, AcceptsZeroSizedTensors) {
  EXPECT_EQ(header_error(R"({"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})", 0),
            "accepted");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string file = safetensors_bytes(kOne, 8);
  ASSERT_EQ(parse_error(file), "accepted");
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(parse_error(file.substr(0, size)), "accepted") << size;
  }
}

TEST(Safetensors, Rule1HeaderLengthIsCheckedBeforeAnythingElse) {
  EXPECT_THAT(parse_error("1234567"), HasSubstr("shorter than 8 bytes"));
  EXPECT_THAT(parse_error(std::string(8, '\xFF')), HasSubstr("more than the 100000000 allowed"));
  std::string file = safetensors_bytes(kOne, 8);
  file[0] = static_cast<char>(file.size() - 7);
  EXPECT_THAT(parse_error(file), HasSubstr("but the file has only"));
}

TEST(Safetensors, Rule2HeaderIsUtf8Json) {
  EXPECT_THAT(header_error("", 0), HasSubstr("does not begin with {"));
  EXPECT_THAT(header_error("[]", 0), HasSubstr("does not begin with {"));
  EXPECT_THAT(header_error("\xEF\xBB\xBF{}", 0), HasSubstr("does not begin with {"));
  EXPECT_THAT(header_error("{\"a", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(header_error("{} x", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(header_error(std::string("{}\0junk", 7), 0), HasSubstr("NUL"));
  EXPECT_THAT(header_error("{\"\xFF\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4),
              HasSubstr("not valid JSON"));
}

TEST(Safetensors, Rule3NoDuplicateKeysAndOnlyStringsInMetadata) {
  EXPECT_THAT(header_error(R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
                           R"("a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}})",
                           2),
              HasSubstr("\"a\" appears twice"));
  EXPECT_THAT(header_error(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("twice"));
  EXPECT_THAT(
      header_error(R"({"a":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}})", 1),
      HasSubstr("twice"));
  EXPECT_THAT(header_error(R"({"__metadata__":{"n":1}})", 0), HasSubstr("instead of a string"));
}

TEST(Safetensors, Rule4OffsetsAndShapesAreNonNegativeIntegersInOrder) {
  const auto with = [](const std::string& shape, const std::string& offsets) {
    return header_error(
        R"({"a":{"dtype":"U8","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", 1);
  };
  EXPECT_EQ(with("[1]", "[0,1]"), "accepted");
  EXPECT_THAT(with("[-1]", "[0,1]"), HasSubstr("negative"));
  EXPECT_THAT(with("[1.0]", "[0,1]"), HasSubstr("1.0"));
  EXPECT_THAT(with("[1]", "[0,1e0]"), HasSubstr("1e0"));
  EXPECT_THAT(with("[1]", "[0,18446744073709551616]"), HasSubstr("number"));
  EXPECT_THAT(with("[1]", "[1,0]"), HasSubstr("ends before it begins"));
  EXPECT_THAT(with("[1]", "[0]"), HasSubstr("fewer than two"));
  EXPECT_THAT(with("[1]", "[0,1,1]"), HasSubstr("more than two"));
  EXPECT_THAT(with("1", "[0,1]"), HasSubstr("a number under \"shape\""));
  EXPECT_THAT(with("[[1]]", "[0,1]"), HasSubstr("an array"));
  EXPECT_THAT(with("[1,1,1,1,1,1,1,1,1]", "[0,1]"), HasSubstr("more than 8 dimensions"));
}

TEST(Safetensors, Rule5TensorsAreContiguous) {
  const auto two = [](const std::string& first, const std::string& second) {
    return header_error(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first +
                            R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}",
                        4);
  };
  EXPECT_EQ(two("[0,2]", "[2,4]"), "accepted");
  EXPECT_THAT(two("[1,3]", "[3,5]"), HasSubstr("begins at byte 1 where 0 was expected"));
  EXPECT_THAT(two("[0,2]", "[3,5]"), HasSubstr("begins at byte 3 where 2 was expected"));
  EXPECT_THAT(two("[0,2]", "[1,3]"), HasSubstr("begins at byte 1 where 2 was expected"));
  EXPECT_THAT(two("[0,2]", "[0,2]"), HasSubstr("no gaps, no overlaps"));
}

TEST(Safetensors, Rule6SizeIsShapeTimesDtypeWithoutOverflow) {
  const auto with = [](const std::string& dtype, const std::string& shape) {
    return header_error(
        R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[0,8]}})", 8);
  };
  EXPECT_EQ(with("F32", "[2]"), "accepted");
  EXPECT_EQ(with("F4", "[16]"), "accepted");
  EXPECT_THAT(with("F32", "[3]"), HasSubstr("needs 12 bytes but spans 8"));
  EXPECT_THAT(with("F4", "[15]"), HasSubstr("does not fill whole bytes"));
  EXPECT_THAT(with("F32", "[2,9223372036854775808]"), HasSubstr("too large to address"));
  EXPECT_THAT(with("F32", "[0,4611686018427387904,4611686018427387904]"),
              HasSubstr("too large to address"));
  EXPECT_THAT(with("Q7", "[2]"), HasSubstr("unknown dtype \"Q7\""));
}

TEST(Safetensors, Rule7NothingBehindTheLastTensor) {
  EXPECT_THAT(header_error(kOne, 9), HasSubstr("too long"));
  EXPECT_THAT(header_error(kOne, 7), HasSubstr("truncated"));
  EXPECT_THAT(header_error("{}", 1), HasSubstr("too long"));
}

TEST(Safetensors, EntriesAreObjectsWithTheirThreeKeys) {
  EXPECT_THAT(header_error(R"({"a":1})", 0), HasSubstr("instead of an object"));
  EXPECT_THAT(header_error(R"({"a":{"dtype":"U8","shape":[]}})", 0), HasSubstr("lacks"));
  EXPECT_THAT(header_error(R"({"a":{"dtype":null,"shape":[],"data_offsets":[0,0]}})", 0),
              HasSubstr("null"));
  EXPECT_THAT(header_error(R"({"a":{"x":{"y":{"z":1}}}})", 0), HasSubstr("unknown key"));
}

TEST(Safetensors, DeepNestingIsRefusedAtTheFirstBracket) {
  EXPECT_THAT(header_error(R"({"a":{"shape":)" + std::string(1'000'000, '['), 0),
              HasSubstr("an array"));
}

TEST(Safetensors, LongNamesAreRefused) {
  EXPECT_THAT(header_error("{\"" + std::string(5000, 'x') + "\":1}", 0),
              HasSubstr("too long a name"));
}

TEST(Safetensors, TensorsMayBeUnaligned) {
  EXPECT_EQ(header_error(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
                         5),
            "accepted");
}

TEST(Safetensors, LfsPointersSaySo) {
  const auto result = parse("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::weights_are_lfs_pointer);
  EXPECT_THAT(result.error().detail, HasSubstr("git lfs pull"));
}

}  // namespace
}  // namespace hearth::engine
