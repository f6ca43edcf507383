// Folders without tokenizer.json: what each family's rules make of a SentencePiece model (stored
// ids: expected.json of tests/golden/models, generator make_glm_yuan.py).
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/text/chat_template.h"
#include "engine/text/json_fields.h"
#include "engine/text/stream_decoder.h"
#include "tests/engine/checkpoint/temp_folder.h"
#include "tests/engine/text/tokenizer_cases.h"

namespace hearth::engine::testing {
namespace {

namespace fs = std::filesystem;

class SlowFolder : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = fs::path(HEARTH_GOLDEN) / "models" / GetParam();
    std::ifstream file(folder_ / "expected.json");
    expected_ = nlohmann::json::parse(file);
    tokenizer_ = load_tokenizer(folder_);
    ASSERT_NE(tokenizer_, nullptr);
  }
  std::vector<TokenId> from_message(const std::string& text) const {
    return tokenizer_->encode(MarkedText(text, Origin::from_message)).value();
  }
  fs::path folder_;
  nlohmann::json expected_;
  TokenizerPtr tokenizer_;
};

TEST_P(SlowFolder, EncodesTextsAsTheReference) {
  for (const auto& item : expected_["tokenizer"]["encode"]) {
    EXPECT_EQ(from_message(item["text"]), ids_of(item, "ids")) << item["text"];
    EXPECT_EQ(tokenizer_->decode(ids_of(item, "ids"), true), item["decoded"].get<std::string>());
  }
}

TEST_P(SlowFolder, TextThatLooksLikeASpecialTokenStaysText) {
  for (const auto& item : expected_["tokenizer"]["literal"]) {
    EXPECT_EQ(from_message(item["text"]), ids_of(item, "ids")) << item["text"];
  }
}

TEST_P(SlowFolder, DecodesAnyIdsAndEveryPrefix) {
  const auto& decode = expected_["tokenizer"]["decode"];
  for (const auto& item : decode["cases"]) {
    EXPECT_EQ(tokenizer_->decode(ids_of(item, "ids"), true), item["text"].get<std::string>())
        << item.dump();
  }
  const std::vector<TokenId> ids = ids_of(decode["prefixes"], "ids");
  for (std::size_t n = 1; n <= ids.size(); ++n) {
    EXPECT_EQ(tokenizer_->decode(std::span(ids).first(n), true),
              decode["prefixes"]["texts"][n - 1].get<std::string>());
  }
}

TEST_P(SlowFolder, StreamsWhatItDecodes) {
  for (const auto& item : expected_["tokenizer"]["decode"]["cases"]) {
    StreamDecoder decoder(tokenizer_, true);
    std::string text;
    for (const TokenId id : ids_of(item, "ids")) text += decoder.push(id);
    EXPECT_EQ(text + decoder.finish(), item["text"].get<std::string>()) << item.dump();
  }
}

// From messages to ids, through the folder's template or the family's own form.
TEST_P(SlowFolder, ChatsBecomeTheReferencesIds) {
  const auto loaded = ChatTemplate::load(folder_);
  ASSERT_TRUE(loaded) << loaded.error().detail;
  auto chats = expected_["more_chats"];
  chats.push_back(expected_["chat"]);
  for (const auto& chat : chats) {
    TemplateVariables variables;
    variables.messages = nlohmann::ordered_json::parse(chat["messages"].dump());
    for (const auto& token : tokenizer_->named_special_tokens()) {
      variables.extra[token.name] = token.text;
    }
    const auto text = (*loaded)->render(variables);
    ASSERT_TRUE(text) << text.error().detail;
    EXPECT_EQ(text->text(), chat["text"].get<std::string>());
    EXPECT_EQ(
        tokenizer_->encode(*text, {.add_special_tokens = (*loaded)->leaves_bos_to_tokenizer()}),
        ids_of(chat, "ids"))
        << chat["text"];
  }
}

TEST_P(SlowFolder, TheFormsStopTokensAreTokens) {
  const auto loaded = ChatTemplate::load(folder_);
  ASSERT_TRUE(loaded);
  for (const std::string& token : (*loaded)->stop_tokens()) {
    const auto id = tokenizer_->token_to_id(token);
    ASSERT_TRUE(id) << token;
    EXPECT_TRUE(tokenizer_->is_special(*id));
  }
  const bool is_third = std::string(GetParam()) == "chatglm3-tiny";
  EXPECT_EQ((*loaded)->stop_tokens().size(), is_third ? 2U : 0U);
}

INSTANTIATE_TEST_SUITE_P(Folders, SlowFolder,
                         ::testing::Values("chatglm1-tiny", "chatglm2-tiny", "chatglm3-tiny",
                                           "yuan2-tiny"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// A folder with the golden one's tokenizer.model alone and a configuration of the test's own.
TokenizerPtr llama(const TempFolder& folder, const nlohmann::json& config) {
  const auto model = read_file(fs::path(HEARTH_GOLDEN) / "models/vicuna-bin/tokenizer.model");
  folder.write("tokenizer.model", *model);
  folder.write("tokenizer_config.json", config.dump());
  return load_tokenizer(folder.path());
}

const nlohmann::json kLlamaConfig = {{"tokenizer_class", "LlamaTokenizer"},
                                     {"bos_token", "<s>"},
                                     {"eos_token", "</s>"},
                                     {"unk_token", "<unk>"}};

// transformers' own test of `legacy`: "Hello <s>." has a space of its own behind <s>, or has not.
TEST(SlowLlama, EveryTextBetweenSpecialTokensHasItsSpaceUnlessLegacyIsOff) {
  const TempFolder folder;
  nlohmann::json config = kLlamaConfig;
  const TokenizerPtr legacy = llama(folder, config);
  config["legacy"] = false;
  const TokenizerPtr modern = llama(folder, config);
  const TokenId space = *legacy->token_to_id("\u2581");
  const auto tokens = [](const TokenizerPtr& tokenizer, const std::string& text) {
    std::vector<std::string> result;
    const auto ids = tokenizer->encode(text);
    for (const TokenId id : *ids) result.push_back(*tokenizer->id_to_token(id));
    return result;
  };
  const auto old = tokens(legacy, "a<s>.");
  const auto now = tokens(modern, "a<s>.");
  ASSERT_EQ(std::count(old.begin(), old.end(), "<s>"), 1);
  EXPECT_EQ(now.back(), ".");
  EXPECT_NE(old, now);
  EXPECT_EQ(tokens(legacy, "a"), tokens(modern, "a"));
  EXPECT_EQ(tokens(modern, "<s>."), (std::vector<std::string>{"<s>", "."}));
  // A space that is there already is one more.
  EXPECT_EQ(modern->encode(" a")->size(), legacy->encode(" a")->size());
  EXPECT_GE(space, 0);
}

TEST(SlowLlama, BosAndEosComeFromTheConfiguration) {
  const TempFolder folder;
  nlohmann::json config = kLlamaConfig;
  const auto with = [&](const nlohmann::json& patch) {
    nlohmann::json patched = config;
    if (!patch.is_null()) patched.merge_patch(patch);
    return llama(folder, patched)->encode("a", {.add_special_tokens = true}).value();
  };
  const std::vector<TokenId> plain = with({{"add_bos_token", false}});
  EXPECT_EQ(with({}).front(), 1);
  EXPECT_EQ(with({}).size(), plain.size() + 1);
  EXPECT_EQ(with({{"add_eos_token", true}}).back(), 2);
}

TEST(SlowLlama, AddedTokensOfTheOlderFilesAreTokens) {
  const TempFolder folder;
  folder.write("added_tokens.json", R"({"<tool>": 700})");
  folder.write("special_tokens_map.json", R"({"additional_special_tokens": ["<tool>"]})");
  const TokenizerPtr tokenizer = llama(folder, kLlamaConfig);
  EXPECT_EQ(tokenizer->token_to_id("<tool>"), 700);
  EXPECT_TRUE(tokenizer->is_special(700));
  EXPECT_EQ(tokenizer->encode("<tool>"), std::vector<TokenId>{700});
}

// vocab.json and merges.txt alone give the ids of the tokenizer.json beside them.
TEST(SlowQwen, VocabAndMergesAreEnough) {
  for (const char* name : {"qwen2-tied", "qwen2-cls"}) {
    const TempFolder folder;
    const fs::path golden = fs::path(HEARTH_GOLDEN) / "models" / name;
    for (const char* file : {"vocab.json", "merges.txt", "tokenizer_config.json"}) {
      fs::copy_file(golden / file, folder.path() / file);
    }
    const TokenizerPtr slow = load_tokenizer(folder.path());
    ASSERT_NE(slow, nullptr);
    for (const auto& item : golden_cases(name)["cases"]) {
      ASSERT_EQ(slow->encode(text_of(item)), ids_of(item, "ids")) << item.dump().substr(0, 300);
    }
  }
}

TEST(BertPairs, HaveTheReferencesIdsAndTypes) {
  for (const char* name : {"bert-cls", "bert-old"}) {
    const TokenizerPtr tokenizer = golden_tokenizer(name);
    const auto& pairs = golden_cases(name)["pairs"];
    ASSERT_GT(pairs.size(), 3U);
    for (const auto& pair : pairs) {
      const PairEncoding found =
          tokenizer->encode_pair(pair["a"].get<std::string>(), pair["b"].get<std::string>())
              .value();
      EXPECT_EQ(found.ids, ids_of(pair, "ids")) << name << ' ' << pair.dump();
      EXPECT_EQ(found.types, pair["type_ids"].get<std::vector<std::int32_t>>());
    }
  }
}

}  // namespace
}  // namespace hearth::engine::testing
