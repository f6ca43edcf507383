#include "engine/cpu/tuning.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/cpu/instruction_set.h"

namespace hearth::engine::cpu {
namespace {

class TuningFile : public testing::Test {
 protected:
  TuningFile()
      : path_(std::filesystem::temp_directory_path() /
              ("hearth-tuning-" + std::to_string(getpid()) + ".json")) {}
  ~TuningFile() override { std::filesystem::remove(path_); }

  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& text) const { std::ofstream(path_) << text; }

  std::filesystem::path path_;
};

TEST_F(TuningFile, IsMadeOnceAndThenBelieved) {
  const Tuning measured = load_tuning(path_);
  const auto names = available_kernels();
  EXPECT_NE(std::find(names.begin(), names.end(), measured.kernels), names.end());
  std::string kept = text();
  const std::string rows = "\"rows\": [\n  ";
  ASSERT_NE(kept.find(rows), std::string::npos) << kept;
  const std::size_t begin = kept.find(rows) + rows.size();
  kept.replace(begin, kept.find_first_of(",\n", begin) - begin, "3");  // a height nobody measures
  write(kept);
  EXPECT_EQ(load_tuning(path_).rows_bf16, 3);
  EXPECT_EQ(tuned_kernels("auto", path_)->rows_bf16, 3);
}

TEST_F(TuningFile, OfAnotherProcessorIsReplaced) {
  write(R"({"version": 1, "processor": "another", "kernels": "scalar", "rows": [3, 3, 3]})");
  const Tuning tuning = load_tuning(path_);
  EXPECT_NE(tuning.processor, "another");
  EXPECT_EQ(text().find("another"), std::string::npos);
}

TEST_F(TuningFile, ThatIsDamagedIsReplaced) {
  for (const char* damaged :
       {"", "{", "[]", R"({"version": 1})", R"({"version": 1, "processor": 7})"}) {
    write(damaged);
    EXPECT_FALSE(load_tuning(path_).kernels.empty()) << damaged;
    EXPECT_NE(text(), damaged);
  }
}

TEST_F(TuningFile, WithAHeightThatNoKernelHasIsReplaced) {
  load_tuning(path_);
  std::string kept = text();
  const std::size_t begin = kept.find("\"rows\": [") + 9;
  kept.replace(begin, kept.find(']', begin) - begin, "0, 99, 6");
  write(kept);
  const Tuning tuning = load_tuning(path_);
  EXPECT_GE(tuning.rows_bf16, 1);
  EXPECT_LE(tuning.rows_int8, kMaxRows);
}

TEST(Tuning, AFolderThatIsNotThereCostsNothingButTheMemory) {
  EXPECT_FALSE(load_tuning("/nowhere/at/all/tuning.json").kernels.empty());
}

TEST(Tuning, AKernelThatIsNamedIsTakenAsItIs) {
  const auto scalar = tuned_kernels("scalar", {});
  ASSERT_TRUE(scalar.has_value());
  EXPECT_STREQ(scalar->name, "scalar");
  EXPECT_FALSE(tuned_kernels("mmx", {}).has_value());
}

}  // namespace
}  // namespace hearth::engine::cpu
