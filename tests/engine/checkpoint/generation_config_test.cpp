#include "engine/checkpoint/generation_config.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/checkpoint/temp_folder.h"

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFolder;

TEST(GenerationConfig, ReadsWhatTheFolderSays) {
  const auto config =
      load_generation_config(std::filesystem::path(HEARTH_GOLDEN) / "models" / "qwen2-sharded");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_TRUE(config->from_file);
  EXPECT_EQ(config->sampling.do_sample, true);
  EXPECT_EQ(config->sampling.temperature, 0.7);
  EXPECT_EQ(config->sampling.top_p, 0.8);
  EXPECT_EQ(config->sampling.top_k, 20);
  EXPECT_EQ(config->sampling.repetition_penalty, 1.05);
  EXPECT_EQ(config->sampling.min_p, std::nullopt);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(401, 399));
  EXPECT_EQ(config->pad_token_id, 399);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(GenerationConfig, ComesFromConfigWhenTheFileIsMissing) {
  const TempFolder folder;
  folder.write("config.json", R"({"eos_token_id":[2,5],"bos_token_id":1,"top_p":0.7})");
  const auto config = load_generation_config(folder.path());
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_FALSE(config->from_file);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2, 5));
  EXPECT_EQ(config->sampling.top_p, 0.7);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(GenerationConfig, EndIdsOfBothFilesCount) {
  const TempFolder folder;
  folder.write("config.json", R"({"eos_token_id":[3,4]})");
  folder.write("generation_config.json",
               R"({"eos_token_id":[4,9],"max_new_tokens":77,"max_length":88})");
  const auto config = load_generation_config(folder.path());
  ASSERT_TRUE(config);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(4, 9, 3));
  EXPECT_EQ(config->max_new_tokens, 77);
  EXPECT_EQ(config->max_length, 88);
}

TEST(GenerationConfig, UnknownKeysAreWarnings) {
  const TempFolder folder;
  folder.write("config.json", "{}");
  folder.write("generation_config.json", R"({"penalty_alpha":0.6,"num_beams":4,"top_h":null})");
  const auto config = load_generation_config(folder.path());
  ASSERT_TRUE(config);
  EXPECT_THAT(config->warnings, ElementsAre(HasSubstr("penalty_alpha"), HasSubstr("beam")));
}

TEST(GenerationConfig, BadValuesAreErrors) {
  const TempFolder folder;
  EXPECT_EQ(load_generation_config(folder.path() / "none").error().code,
            ErrorCode::folder_not_found);
  EXPECT_EQ(load_generation_config(folder.path()).error().code, ErrorCode::file_missing);
  folder.write("config.json", "{}");
  for (const char* bad : {R"({"temperature":"hot"})", R"({"eos_token_id":1.5})", R"({"top_k":-1})",
                          R"({"bad_words_ids":[1]})", R"({"bad_words_ids":{"a":1}})", "7"}) {
    folder.write("generation_config.json", bad);
    EXPECT_EQ(load_generation_config(folder.path()).error().code, ErrorCode::config_invalid) << bad;
  }
}

}  // namespace
}  // namespace hearth::engine
