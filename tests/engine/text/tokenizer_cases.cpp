#include "tests/engine/text/tokenizer_cases.h"

#include <cstdint>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "engine/text/stream_decoder.h"
#include "engine/text/utf8.h"

namespace hearth::engine::testing {
namespace {

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

const nlohmann::json& golden_cases(const std::string& name) {
  static std::map<std::string, nlohmann::json> read;
  const auto found = read.find(name);
  if (found != read.end()) return found->second;
  std::ifstream file(std::filesystem::path(HEARTH_GOLDEN) / "tokenizers" / (name + ".json"));
  return read[name] = nlohmann::json::parse(file);
}

TokenizerPtr load_tokenizer(const std::filesystem::path& folder) {
  auto tokenizer = Tokenizer::load(folder);
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().detail);
  return tokenizer ? *tokenizer : nullptr;
}

TokenizerPtr golden_tokenizer(const std::string& name) {
  return load_tokenizer(std::filesystem::path(HEARTH_GOLDEN) / "models" / name);
}

std::string text_of(const nlohmann::json& item) {
  if (item.contains("text")) return item["text"];
  std::string text;
  for (const auto& part : item["parts"]) {
    const std::string piece = part[0];
    for (int i = 0; i < part[1].get<int>(); ++i) text += piece;
  }
  return text;
}

std::vector<TokenId> ids_of(const nlohmann::json& item, const std::string& key,
                            const std::vector<TokenId>& otherwise) {
  if (item.contains(key)) return item[key].get<std::vector<TokenId>>();
  if (!item.contains(key + "_rle")) return otherwise;
  std::vector<TokenId> ids;
  for (const auto& run : item[key + "_rle"]) {
    ids.insert(ids.end(), run[1].get<std::size_t>(), run[0].get<TokenId>());
  }
  return ids;
}

void expect_encodes(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  ASSERT_GT(cases["cases"].size(), 400U);
  for (const auto& item : cases["cases"]) {
    EXPECT_EQ(tokenizer.encode(text_of(item)), ids_of(item, "ids")) << item.dump().substr(0, 600);
  }
}

void expect_encodes_with_special_tokens(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  for (const auto& item : cases["cases"]) {
    EXPECT_EQ(tokenizer.encode(text_of(item), {.add_special_tokens = true}),
              ids_of(item, "ids_special", ids_of(item, "ids")))
        << item.dump().substr(0, 600);
  }
}

void expect_splits_special_tokens(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  int num_checked = 0;
  for (const auto& item : cases["cases"]) {
    if (!item.contains("ids_split") && !item.contains("ids_split_rle")) continue;
    ++num_checked;
    EXPECT_EQ(tokenizer.encode(text_of(item), {.split_special = true}), ids_of(item, "ids_split"))
        << item.dump().substr(0, 600);
  }
  EXPECT_GT(num_checked, 0);
}

void expect_decodes(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  for (const auto& item : cases["cases"]) {
    const std::vector<TokenId> ids = ids_of(item, "ids");
    const std::string text = text_of(item);
    const std::string decoded = tokenizer.decode(ids, false);
    if (item.contains("parts")) {
      EXPECT_EQ(decoded == text, item["decode_equals_text"].get<bool>()) << item["parts"].dump();
      continue;
    }
    const std::string expected = item.value("decode", text);
    EXPECT_EQ(decoded, expected);
    EXPECT_EQ(tokenizer.decode(ids, true), item.value("decode_skip", expected));
  }
}

void expect_decodes_any_ids(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  for (const auto& item : cases["decode_cases"]) {
    const std::vector<TokenId> ids = ids_of(item, "ids");
    EXPECT_EQ(tokenizer.decode(ids, false), item["decode"].get<std::string>()) << item.dump();
    EXPECT_EQ(tokenizer.decode(ids, true), item["decode_skip"].get<std::string>()) << item.dump();
  }
}

void expect_replaces_invalid_utf8(const Tokenizer& tokenizer, const nlohmann::json& cases) {
  for (const auto& item : cases["invalid_utf8"]) {
    const std::string bytes = bytes_of_hex(item["hex"]);
    EXPECT_EQ(to_valid_utf8(bytes), item["text"].get<std::string>()) << item["hex"];
    EXPECT_EQ(tokenizer.encode(bytes), ids_of(item, "ids")) << item["hex"];
    EXPECT_EQ(tokenizer.encode(MarkedText(bytes, Origin::from_message)), ids_of(item, "ids"))
        << item["hex"];
  }
}

void expect_streams(const TokenizerPtr& tokenizer, const nlohmann::json& cases) {
  for (const auto& item : cases["stream_cases"]) {
    StreamDecoder decoder(tokenizer, true);
    std::string text;
    for (const TokenId id : ids_of(item, "ids")) {
      const std::string delta = decoder.push(id);
      EXPECT_TRUE(is_valid_utf8(delta)) << item.dump();
      text += delta;
    }
    const std::string rest = decoder.finish();
    EXPECT_TRUE(is_valid_utf8(rest)) << item.dump();
    EXPECT_EQ(text + rest, item["text"].get<std::string>()) << item.dump();
  }
}

}  // namespace hearth::engine::testing
