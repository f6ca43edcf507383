// Folders: good ones from transformers, and bad ones made here.
#include "engine/checkpoint/checkpoint.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/checkpoint/weight_map.h"
#include "tests/engine/checkpoint/temp_folder.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::safetensors_bytes;
using testing::TempFolder;

const fs::path kModels = fs::path(HEARTH_GOLDEN) / "models";

ErrorCode code_of(const fs::path& folder) {
  const auto checkpoint = Checkpoint::open(folder);
  EXPECT_FALSE(checkpoint);
  return checkpoint ? ErrorCode::internal : checkpoint.error().code;
}

std::string one_byte(const std::string& name) {
  return safetensors_bytes("{\"" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                           1);
}

// A one-layer Llama with hidden size 2 and one head; `extra` are more header entries behind 52
// bytes.
constexpr const char* kTinyConfig =
    R"({"model_type":"llama","vocab_size":3,"hidden_size":2,"intermediate_size":2,
        "num_hidden_layers":1,"num_attention_heads":1,"tie_word_embeddings":true})";

class TinyWeights {
 public:
  TinyWeights& add(const std::string& name, std::vector<std::int64_t> shape,
                   const std::string& dtype = "BF16") {
    std::size_t bytes = dtype == "BF16" ? 2 : 1;
    for (const std::int64_t size : shape) bytes *= static_cast<std::size_t>(size);
    header_ += (header_.empty() ? "{" : ",") + ("\"" + name) + R"(":{"dtype":")" + dtype +
               R"(","shape":)" + format_shape(shape) + R"(,"data_offsets":[)" +
               std::to_string(end_) + "," + std::to_string(end_ + bytes) + "]}";
    end_ += bytes;
    return *this;
  }

  TinyWeights& add_decoder(const std::string& prefix) {
    add(prefix + "embed_tokens.weight", {3, 2});
    const std::string layer = prefix + "layers.0.";
    for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                             "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
      add(layer + name + ".weight", {2, 2});
    }
    add(layer + "input_layernorm.weight", {2});
    add(layer + "post_attention_layernorm.weight", {2});
    return add(prefix + "norm.weight", {2});
  }

  std::string bytes() const { return safetensors_bytes(header_ + "}", end_); }

 private:
  std::string header_;
  std::size_t end_ = 0;
};

Result<WeightMap> match(const TempFolder& folder, const TinyWeights& weights, Checkpoint* kept) {
  folder.write("model.safetensors", weights.bytes());
  auto checkpoint = Checkpoint::open(folder.path());
  EXPECT_TRUE(checkpoint) << checkpoint.error().detail;
  *kept = std::move(*checkpoint);
  return WeightMap::match(*kept, parse_model_spec(kTinyConfig, "config.json").value());
}

Checkpoint any_checkpoint() { return std::move(*Checkpoint::open(kModels / "qwen2-tied")); }

TEST(Checkpoint, OpensOneFile) {
  const auto checkpoint = Checkpoint::open(kModels / "qwen2-tied");
  ASSERT_TRUE(checkpoint) << checkpoint.error().detail;
  EXPECT_THAT(checkpoint->files(), ElementsAre("model.safetensors"));
  const TensorView* embedding = checkpoint->find("model.embed_tokens.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_THAT(embedding->shape, ElementsAre(461, 80));
  EXPECT_EQ(checkpoint->find("no.such.tensor"), nullptr);
}

TEST(Checkpoint, OpensEveryShardOfTheIndex) {
  const auto checkpoint = Checkpoint::open(kModels / "qwen2-sharded");
  ASSERT_TRUE(checkpoint) << checkpoint.error().detail;
  EXPECT_EQ(checkpoint->files().size(), 4U);
  EXPECT_EQ(checkpoint->tensors().size(), 10U + 17U + 14U + 2U - 4U);  // less four __metadata__
}

TEST(Checkpoint, EveryGoldenFolderMatchesItsSpec) {
  for (const char* name :
       {"qwen2-tied", "qwen2-sharded", "qwen2-yarn", "qwen2-window", "qwen2-cls", "qwen3",
        "llama3-gqa", "llama-linear", "vicuna-bin", "mistral", "phi3", "gemma2", "bert-cls",
        "bert-old", "chatglm1-tiny", "chatglm2-tiny", "chatglm3-tiny", "yuan2-tiny"}) {
    const auto checkpoint = Checkpoint::open(kModels / name);
    ASSERT_TRUE(checkpoint) << name;
    const auto spec = load_model_spec(kModels / name);
    ASSERT_TRUE(spec) << name;
    const auto map = WeightMap::match(*checkpoint, *spec);
    ASSERT_TRUE(map) << map.error().detail;
    EXPECT_THAT(map->warnings(), IsEmpty()) << name;
    EXPECT_EQ(map->head_is_embedding(), spec->tied_embeddings) << name;
  }
}

TEST(Checkpoint, FoldersWithoutWeightsSayWhatIsThere) {
  const TempFolder folder;
  EXPECT_EQ(code_of(folder.path()), ErrorCode::weights_missing);
  EXPECT_EQ(code_of(folder.path() / "none"), ErrorCode::folder_not_found);
  EXPECT_THAT(Checkpoint::open(folder.path()).error().detail, HasSubstr("pytorch_model.bin"));
}

TEST(Checkpoint, PickledShardsAreFoundWhereThereAreNoSafetensors) {
  const auto checkpoint = Checkpoint::open(kModels / "vicuna-bin");
  ASSERT_TRUE(checkpoint) << checkpoint.error().detail;
  EXPECT_EQ(checkpoint->files().size(), 3U);
  const TempFolder folder;
  folder.write("pytorch_model.bin", "x");
  EXPECT_EQ(code_of(folder.path()), ErrorCode::weights_invalid);
  folder.write("model.safetensors", one_byte("a"));
  EXPECT_THAT(Checkpoint::open(folder.path())->files(), ElementsAre("model.safetensors"));
}

TEST(Checkpoint, AVariantThatStandsAloneIsUsed) {
  const TempFolder folder;
  folder.write("model.fp16.safetensors", one_byte("a"));
  EXPECT_THAT(Checkpoint::open(folder.path())->files(), ElementsAre("model.fp16.safetensors"));
  folder.write("model.int8.safetensors", one_byte("a"));
  EXPECT_THAT(Checkpoint::open(folder.path()).error().detail, HasSubstr("several variants"));
}

TEST(Checkpoint, AFolderCopiedInPartSaysWhatIsMissing) {
  const TempFolder folder;
  folder.write("1.safetensors", one_byte("a"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"3.safetensors"}})");
  const Error error = Checkpoint::open(folder.path()).error();
  EXPECT_EQ(error.code, ErrorCode::file_missing);
  EXPECT_THAT(error.detail, HasSubstr("2 of 3 files"));
  EXPECT_THAT(error.detail, HasSubstr("2.safetensors, 3.safetensors"));
}

TEST(Checkpoint, LfsPointersAndTruncatedFilesHaveTheirOwnCodes) {
  const TempFolder folder;
  folder.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_EQ(code_of(folder.path()), ErrorCode::weights_are_lfs_pointer);
  folder.write("model.safetensors", one_byte("a").substr(0, 40));
  EXPECT_EQ(code_of(folder.path()), ErrorCode::weights_invalid);
  folder.write("model.safetensors", "");
  EXPECT_EQ(code_of(folder.path()), ErrorCode::weights_invalid);
}

TEST(Checkpoint, ShardsMustExistAndBePlainNames) {
  const TempFolder folder;
  const auto index = [&](const std::string& map) {
    folder.write("model.safetensors.index.json", R"({"weight_map":)" + map + "}");
    return code_of(folder.path());
  };
  EXPECT_EQ(index(R"({"a":"missing.safetensors"})"), ErrorCode::file_missing);
  EXPECT_EQ(index(R"({"a":"../a.safetensors"})"), ErrorCode::weights_invalid);
  EXPECT_EQ(index(R"({"a":"/etc/passwd"})"), ErrorCode::weights_invalid);
  EXPECT_EQ(index(R"({"a":".."})"), ErrorCode::weights_invalid);
  EXPECT_EQ(index(R"({"a":"x\u0000y"})"), ErrorCode::weights_invalid);
  EXPECT_EQ(index(R"({"a":7})"), ErrorCode::weights_invalid);
  EXPECT_EQ(index("{}"), ErrorCode::weights_invalid);
  EXPECT_EQ(index("[]"), ErrorCode::weights_invalid);
}

TEST(Checkpoint, TheIndexMustTellTheTruth) {
  const TempFolder folder;
  folder.write("1.safetensors", one_byte("a"));
  folder.write("2.safetensors", one_byte("b"));
  const auto error = [&](const std::string& map) {
    folder.write("model.safetensors.index.json", R"({"weight_map":)" + map + "}");
    const auto checkpoint = Checkpoint::open(folder.path());
    return checkpoint ? "accepted" : checkpoint.error().detail;
  };
  EXPECT_EQ(error(R"({"a":"1.safetensors","b":"2.safetensors"})"), "accepted");
  EXPECT_THAT(error(R"({"a":"1.safetensors","b":"1.safetensors"})"), HasSubstr("\"b\" is not in"));
  EXPECT_THAT(error(R"({"a":"2.safetensors","b":"1.safetensors"})"),
              HasSubstr("listed in 2.safetensors but stored in 1.safetensors"));
  folder.write("2.safetensors", one_byte("a"));
  EXPECT_THAT(error(R"({"a":"1.safetensors","b":"2.safetensors"})"),
              HasSubstr("another shard too"));
}

TEST(WeightMap, TheBasePrefixMayBeMissing) {
  const TempFolder folder;
  Checkpoint kept = any_checkpoint();
  const auto map = match(folder, TinyWeights().add_decoder(""), &kept);
  ASSERT_TRUE(map) << map.error().detail;
  EXPECT_TRUE(map->contains("model.layers.0.mlp.up_proj.weight"));
  EXPECT_EQ(&map->at("lm_head.weight"), &map->at("model.embed_tokens.weight"));
}

// What is read ahead while a model is loaded: the layer, not its namesake in a picture tower.
TEST(LayerTensors, AreFoundUnderEachNameThatAFileMayGiveThem) {
  const ModelSpec spec = parse_model_spec(kTinyConfig, "config.json").value();
  EXPECT_EQ(layer_prefix(spec, 1), "model.layers.1.");
  for (const char* prefix : {"model.", "model.model.", ""}) {
    TempFolder folder;
    TinyWeights weights;
    for (const char* layer : {"layers.0.", "layers.1.", "layers.11."})
      weights.add(prefix + std::string(layer) + "norm.weight", {2});
    weights.add("vision.layers.1.norm.weight", {2});
    folder.write("model.safetensors", weights.bytes());
    const auto checkpoint = Checkpoint::open(folder.path());
    ASSERT_TRUE(checkpoint) << checkpoint.error().detail;
    const auto tensors = tensors_of_layer(*checkpoint, spec, 1);
    ASSERT_EQ(tensors.size(), 1U);
    EXPECT_EQ(tensors[0]->name, prefix + std::string("layers.1.norm.weight"));
    EXPECT_TRUE(tensors_of_layer(*checkpoint, spec, 2).empty());
    prefetch_layer(*checkpoint, spec, 1);
  }
}

TEST(WeightMap, BuffersAreIgnoredAndStrangersAreNamed) {
  const TempFolder folder;
  Checkpoint kept = any_checkpoint();
  TinyWeights weights;
  weights.add_decoder("model.").add("model.layers.0.self_attn.rotary_emb.inv_freq", {1});
  EXPECT_THAT(match(folder, weights, &kept)->warnings(), IsEmpty());
  weights.add("vision.weight", {1});
  EXPECT_THAT(match(folder, weights, &kept)->warnings(), ElementsAre(HasSubstr("vision.weight")));
}

TEST(WeightMap, NormsMayBeCalledGammaAndBetaButNotBoth) {
  const auto spec = load_model_spec(kModels / "bert-old");
  const auto checkpoint = Checkpoint::open(kModels / "bert-old");
  ASSERT_TRUE(spec && checkpoint);
  EXPECT_NE(checkpoint->find("bert.embeddings.LayerNorm.gamma"), nullptr);
  const auto map = WeightMap::match(*checkpoint, *spec);
  ASSERT_TRUE(map) << map.error().detail;
  EXPECT_TRUE(map->contains("bert.embeddings.LayerNorm.weight"));
}

TEST(WeightMap, MissingAndMisshapenTensorsAreNamed) {
  const TempFolder folder;
  Checkpoint kept = any_checkpoint();
  const auto missing = match(folder, TinyWeights().add("model.embed_tokens.weight", {3, 2}), &kept);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::tensor_missing);
  EXPECT_THAT(missing.error().detail, HasSubstr("model.layers.0.input_layernorm.weight"));
  const auto misshapen =
      match(folder, TinyWeights().add("model.embed_tokens.weight", {3, 4}), &kept);
  ASSERT_FALSE(misshapen);
  EXPECT_EQ(misshapen.error().code, ErrorCode::tensor_shape_mismatch);
  EXPECT_THAT(misshapen.error().detail, HasSubstr("must be [3, 2], found [3, 4]"));
  const auto packed =
      match(folder, TinyWeights().add("model.embed_tokens.weight", {3, 2}, "I8"), &kept);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().code, ErrorCode::dtype_unsupported);
}

TEST(WeightMap, AHeadEqualToTheEmbeddingIsLoadedOnce) {
  const TempFolder folder;
  Checkpoint kept = any_checkpoint();
  TinyWeights weights;
  weights.add_decoder("model.").add("lm_head.weight", {3, 2});
  std::string bytes = weights.bytes();
  const auto same = match(folder, weights, &kept);
  EXPECT_TRUE(same->head_is_embedding());
  EXPECT_THAT(same->warnings(), IsEmpty());
  bytes.back() = '\7';
  folder.write("model.safetensors", bytes);
  kept = std::move(*Checkpoint::open(folder.path()));
  const auto other = WeightMap::match(kept, parse_model_spec(kTinyConfig, "config.json").value());
  EXPECT_FALSE(other->head_is_embedding());
  EXPECT_THAT(other->warnings(), ElementsAre(HasSubstr("differs")));
}

}  // namespace
}  // namespace hearth::engine
