#include "engine/cli/model_folder.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

ModelFolder open(const char* name) {
  auto folder = open_model_folder(fs::path(HEARTH_GOLDEN) / "models" / name);
  EXPECT_TRUE(folder) << folder.error().detail;
  return std::move(*folder);
}

TEST(ModelFolder, EveryGoldenFolderOpensWithoutAWarning) {
  for (const char* name :
       {"qwen2-tied", "qwen2-sharded", "qwen2-yarn", "qwen2-window", "qwen2-cls", "qwen3",
        "llama3-gqa", "llama-linear", "vicuna-bin", "mistral", "phi3", "gemma2", "bert-cls",
        "bert-old", "chatglm1-tiny", "chatglm2-tiny", "chatglm3-tiny", "yuan2-tiny"}) {
    EXPECT_THAT(open(name).warnings, ElementsAre()) << name;
  }
}

TEST(ModelFolder, AReplyOfChatGlm3EndsWhereSomebodyElsesTurnBegins) {
  EXPECT_THAT(open("chatglm3-tiny").generation.eos_token_ids, ElementsAre(2, 629, 631));
  EXPECT_THAT(open("chatglm2-tiny").generation.eos_token_ids, ElementsAre(2));
  EXPECT_THAT(open("chatglm1-tiny").generation.eos_token_ids, ElementsAre(299));
  EXPECT_THAT(open("yuan2-tiny").generation.eos_token_ids, ElementsAre(313));
}

}  // namespace
}  // namespace hearth::engine
