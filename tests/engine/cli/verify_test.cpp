// hearth inspect --verify and --devices.
#include "engine/cli/verify.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/checkpoint/checkpoint.h"
#include "engine/cli/devices.h"
#include "tests/engine/checkpoint/temp_folder.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

const fs::path kModels = fs::path(HEARTH_GOLDEN) / "models";

// A copy that may be spoiled.
void copy_model(const std::string& name, const TempFolder& to) {
  for (const auto& entry : fs::directory_iterator(kModels / name)) {
    const fs::path file = to.path() / entry.path().filename();
    fs::copy_file(entry.path(), file);
    fs::permissions(file, fs::perms::owner_all);
  }
}

std::string sha256_of(const TempFolder& folder, const char* file) {
  return *file_digest(folder.path() / file, DigestKind::sha256);
}

TEST(VerifyFolder, AWholeFolderHasNoProblems) {
  const TempFolder folder;
  copy_model("qwen2-sharded", folder);
  folder.write("SHA256SUMS", sha256_of(folder, "config.json") + "  config.json\n");
  const FolderReport report = verify_folder(folder.path());
  EXPECT_THAT(report.problems, ElementsAre());
  ASSERT_EQ(report.files.size(), 1U);
  EXPECT_EQ(report.files[0].state, FileCheck::State::same);
  EXPECT_THAT(report.unchecked, Contains("tokenizer.json"));
  EXPECT_GT(report.tensor_bytes, 100'000U);
}

TEST(VerifyFolder, ADamagedByteIsFound) {
  const TempFolder folder;
  copy_model("qwen2-tied", folder);
  folder.write("model.safetensors.sha256", sha256_of(folder, "model.safetensors"));
  std::fstream file(folder.path() / "model.safetensors",
                    std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(-5, std::ios::end);
  file.put('!');
  file.close();
  const FolderReport report = verify_folder(folder.path());
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("damaged")));
}

TEST(VerifyFolder, AHalfCopiedFolderSaysWhatIsMissing) {
  const TempFolder folder;
  copy_model("qwen2-sharded", folder);
  fs::remove(folder.path() / "model-00002-of-00004.safetensors");
  folder.write("SHA256SUMS", std::string(64, 'a') + "  model-00002-of-00004.safetensors\n");
  folder.write("model-00002-of-00004.safetensors.incomplete", "half");
  const FolderReport report = verify_folder(folder.path());
  EXPECT_THAT(report.problems,
              ElementsAre(HasSubstr("has not ended"), HasSubstr("SHA256SUMS names it"),
                          HasSubstr("copied in part")));
}

TEST(MissingParts, AreNamedWithWhatIsDoneInstead) {
  const auto missing = [](const fs::path& folder) {
    return missing_parts(folder, *load_model_spec(folder));
  };
  EXPECT_THAT(missing(kModels / "qwen2-tied"), ElementsAre());
  EXPECT_THAT(missing(kModels / "vicuna-bin"), Contains(HasSubstr("built-in Vicuna")));
  EXPECT_THAT(missing(kModels / "chatglm1-tiny"), Contains(HasSubstr("no generation_config.json")));
  EXPECT_THAT(missing(kModels / "bert-cls"), ElementsAre());
  const TempFolder folder;
  folder.write("config.json", R"({"model_type": "qwen3"})");
  EXPECT_THAT(missing(folder.path()),
              ElementsAre(HasSubstr("no tokenizer.json"), HasSubstr("cannot chat"),
                          HasSubstr("generation_config")));
}

TEST(Devices, AreReadFromWords) {
  ModelSpec spec;
  const auto devices = devices_for("cuda:0=1G,cuda:1=1.5M,cpu=2K", spec);
  ASSERT_TRUE(devices);
  ASSERT_EQ(devices->size(), 3U);
  EXPECT_EQ((*devices)[0].free_bytes, 1 << 30);
  EXPECT_EQ((*devices)[1].free_bytes, 3 << 19);
  EXPECT_TRUE((*devices)[2].is_host);
  for (const char* wrong : {"cuda:0", "cuda:0=", "=1G", "cuda:0=1X", "cpu=1G,cuda:0=1G", "a=-1"}) {
    const auto refused = devices_for(wrong, spec);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::usage);
  }
  EXPECT_TRUE(devices_for("", spec)->back().is_host);
}

TEST(Devices, TheReportSaysWhereTheLayersGo) {
  const auto spec = load_model_spec(kModels / "qwen2-tied");
  const auto checkpoint = Checkpoint::open(kModels / "qwen2-tied");
  const auto weights = WeightMap::match(*checkpoint, *spec);
  const auto report = [&](const char* devices) {
    return plan_placement(*spec, *weights, *devices_for(devices, *spec));
  };
  EXPECT_EQ(report("cpu=1G").text, "cpu");
  EXPECT_EQ(report("cuda:0=1G,cpu=1G").text, "cuda:0");
  EXPECT_THAT(report("cuda:0=900K,cuda:1=900K,cpu=1G").text, HasSubstr("cuda:0, "));
  EXPECT_EQ(report("cuda:0=1K,cpu=1K").text, "too large for cuda:0, cpu");
}

}  // namespace
}  // namespace hearth::engine
