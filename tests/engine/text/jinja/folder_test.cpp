// Where a folder's template is found, and what stands in for one that is missing.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/engine/text/jinja/rendering.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

class ChatTemplateFolder : public testing::Test {
 protected:
  ChatTemplateFolder() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    base_ = fs::path(testing::TempDir()) /
            ("hearth_template_" + std::string(info->name()) + "_" + std::to_string(getpid()));
    use_folder("model");
  }
  ~ChatTemplateFolder() override { fs::remove_all(base_); }

  void use_folder(const std::string& name) {
    folder_ = base_ / name;
    fs::create_directories(folder_);
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  // The rendered text of one question, or "!" and the error's wire name.
  std::string ask(TemplateVariables variables = one_message("hi")) {
    const auto loaded = ChatTemplate::load(folder_);
    if (!loaded) return "!" + std::string(to_string(loaded.error().code));
    source_ = (*loaded)->source();
    leaves_bos_ = (*loaded)->leaves_bos_to_tokenizer();
    const auto rendered = (*loaded)->render(variables);
    return rendered ? rendered->text() : "!" + std::string(to_string(rendered.error().code));
  }

  fs::path base_;
  fs::path folder_;
  std::string source_;
  bool leaves_bos_ = false;
};

TEST_F(ChatTemplateFolder, AFileOfItsOwnWinsOverTheTokenizersConfig) {
  write("tokenizer_config.json", R"({"chat_template": "config {{ messages[0].content }}"})");
  EXPECT_EQ(ask(), "config hi");
  EXPECT_EQ(source_, "tokenizer_config.json");
  write("chat_template.jinja", "file {{ messages[0].content }}");
  EXPECT_EQ(ask(), "file hi");
  EXPECT_EQ(source_, "chat_template.jinja");
  EXPECT_FALSE(leaves_bos_);
}

TEST_F(ChatTemplateFolder, AListOffersATemplateForTools) {
  write("tokenizer_config.json", R"({"chat_template": [{"name": "default", "template": "plain"},
                                                      {"name": "tool_use", "template": "with tools"}]})");
  EXPECT_EQ(ask(), "plain");
  TemplateVariables variables = one_message("hi");
  variables.tools = {{{"name", "f"}}};
  EXPECT_EQ(ask(variables), "with tools");
}

TEST_F(ChatTemplateFolder, BrokenConfigsAreNamed) {
  write("tokenizer_config.json", "{");
  EXPECT_EQ(ask(), "!config_invalid");
  write("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_EQ(ask(), "!config_invalid");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  EXPECT_EQ(ask(), "!config_invalid");
  write("tokenizer_config.json", R"({"chat_template": "{% if %}"})");
  EXPECT_EQ(ask(), "!template_syntax");
}

TEST_F(ChatTemplateFolder, Qwen2WithoutATemplateSpeaksChatMl) {
  write("config.json", R"({"model_type": "qwen2"})");
  write("tokenizer_config.json", R"({"chat_template": null})");
  EXPECT_EQ(ask(), "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(source_, "built-in ChatML form");
}

TEST_F(ChatTemplateFolder, VicunaIsKnownByItsName) {
  use_folder("vicuna-7b-v1.3");
  write("config.json", R"({"model_type": "llama"})");
  TemplateVariables variables;
  variables.messages = {{{"role", "user"}, {"content", "a"}},
                        {{"role", "assistant"}, {"content", "b"}},
                        {{"role", "user"}, {"content", "c"}}};
  const std::string system =
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
      "helpful, detailed, "
      "and polite answers to the user's questions. ";
  EXPECT_EQ(ask(variables), system + "USER: a ASSISTANT: b</s>USER: c ASSISTANT:");
  EXPECT_EQ(source_, "built-in Vicuna form");
  EXPECT_TRUE(leaves_bos_);
  const nlohmann::ordered_json turn = {{"role", "system"}, {"content", "Be short."}};
  variables.messages.insert(variables.messages.begin(), turn);
  EXPECT_EQ(ask(variables), "Be short. USER: a ASSISTANT: b</s>USER: c ASSISTANT:");
}

TEST_F(ChatTemplateFolder, Llama2IsKnownByTheNameInItsConfig) {
  write("config.json",
        R"({"model_type": "llama", "_name_or_path": "meta-llama/Llama-2-7b-chat-hf"})");
  TemplateVariables variables;
  variables.messages = {{{"role", "system"}, {"content", "S"}},
                        {{"role", "user"}, {"content", "a"}}};
  variables.extra = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  EXPECT_EQ(ask(variables), "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\na [/INST]");
  EXPECT_FALSE(leaves_bos_);
}

TEST_F(ChatTemplateFolder, ChatGlmNumbersItsRounds) {
  TemplateVariables variables;
  variables.messages = {{{"role", "user"}, {"content", "q0"}},
                        {{"role", "assistant"}, {"content", "a0"}},
                        {{"role", "user"}, {"content", "q"}}};
  write("config.json", R"({"model_type": "chatglm", "position_encoding_2d": true})");
  EXPECT_EQ(ask(variables), "[Round 0]\n问：q0\n答：a0\n[Round 1]\n问：q\n答：");
  EXPECT_EQ(ask(), "hi");
  use_folder("chatglm2-6b");
  write("config.json", R"({"model_type": "chatglm"})");
  EXPECT_EQ(ask(variables), "[Round 1]\n\n问：q0\n\n答：a0\n\n[Round 2]\n\n问：q\n\n答：");
  EXPECT_EQ(ask(), "[Round 1]\n\n问：hi\n\n答：");
}

TEST_F(ChatTemplateFolder, WithoutATemplateOrAFormTheFolderIsRefusedInOneSentence) {
  EXPECT_EQ(ask(), "!file_missing");
  write("config.json", R"({"model_type": "llama"})");
  EXPECT_EQ(ask(), "!file_missing");
  const auto loaded = ChatTemplate::load(folder_);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("no chat template"), std::string::npos);
  folder_ /= "nowhere";
  EXPECT_EQ(ask(), "!folder_not_found");
}

}  // namespace
}  // namespace hearth::engine
