#include "engine/checkpoint/model_spec.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/checkpoint/temp_folder.h"

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

ModelSpec golden(const std::string& name) {
  auto spec = load_model_spec(std::filesystem::path(HEARTH_GOLDEN) / "models" / name);
  EXPECT_TRUE(spec) << spec.error().detail;
  return spec.value_or(ModelSpec{});
}

Error error_of(const std::string& json) {
  const auto spec = parse_model_spec(json, "config.json");
  EXPECT_FALSE(spec) << json;
  return spec ? Error{} : spec.error();
}

ModelSpec parsed(const std::string& json) {
  auto spec = parse_model_spec(json, "config.json");
  EXPECT_TRUE(spec) << spec.error().detail;
  return spec.value_or(ModelSpec{});
}

TEST(ModelSpec, Qwen2WithTheKeysOfTransformers4) {
  const ModelSpec spec = golden("qwen2-tied");
  EXPECT_EQ(spec.model_type, "qwen2");
  EXPECT_EQ(spec.architecture, "Qwen2ForCausalLM");
  EXPECT_EQ(spec.vocab_size, 461);
  EXPECT_EQ(spec.hidden_size, 80);
  EXPECT_EQ(spec.num_kv_heads, 5);
  EXPECT_EQ(spec.head_dim, 8);
  EXPECT_DOUBLE_EQ(spec.norm_eps, 0.005);
  EXPECT_DOUBLE_EQ(spec.rope.theta, 1e4);
  EXPECT_TRUE(spec.tied_embeddings);
  EXPECT_TRUE(spec.qkv_bias);
  EXPECT_FALSE(spec.o_bias);
  EXPECT_EQ(spec.stored_dtype, Dtype::f32);
  EXPECT_THAT(spec.eos_token_ids, ElementsAre(458));
}

TEST(ModelSpec, Qwen2WithTheKeysOfTransformers5) {
  const ModelSpec spec = golden("qwen2-sharded");
  EXPECT_DOUBLE_EQ(spec.rope.theta, 1e6);
  EXPECT_EQ(spec.rope.kind, RopeKind::standard);
  EXPECT_EQ(spec.stored_dtype, Dtype::bf16);
  EXPECT_EQ(spec.layers[2].window, 0);  // sliding_window is inert without use_sliding_window
}

TEST(ModelSpec, YarnKeepsItsExplicitFactor) {
  const ModelSpec spec = golden("qwen2-yarn");
  EXPECT_EQ(spec.rope.kind, RopeKind::yarn);
  EXPECT_DOUBLE_EQ(spec.rope.factor, 4.0);
  EXPECT_EQ(spec.rope.original_max_position, 32);
  const ModelSpec ratio = parsed(
      R"({"model_type":"qwen2","max_position_embeddings":512,
          "rope_scaling":{"type":"yarn","original_max_position_embeddings":64}})");
  EXPECT_DOUBLE_EQ(ratio.rope.factor, 8.0);
}

TEST(ModelSpec, QwenWindowsFollowLayerTypesElseMaxWindowLayers) {
  const ModelSpec spec = golden("qwen2-window");
  EXPECT_EQ(spec.layers[0].window, 0);
  EXPECT_EQ(spec.layers[1].window, 20);
  EXPECT_EQ(spec.layers[2].window, 20);
  const ModelSpec old = parsed(
      R"({"model_type":"qwen2","num_hidden_layers":3,"use_sliding_window":true,
          "sliding_window":7,"max_window_layers":2})");
  EXPECT_EQ(old.layers[1].window, 0);
  EXPECT_EQ(old.layers[2].window, 7);
}

TEST(ModelSpec, LlamaWithRopeOfItsThirdGeneration) {
  const ModelSpec spec = golden("llama3-gqa");
  EXPECT_EQ(spec.rope.kind, RopeKind::llama3);
  EXPECT_DOUBLE_EQ(spec.rope.theta, 5e5);
  EXPECT_DOUBLE_EQ(spec.rope.factor, 8.0);
  EXPECT_EQ(spec.rope.original_max_position, 64);
  EXPECT_FALSE(spec.qkv_bias);
  EXPECT_THAT(spec.eos_token_ids, ElementsAre(465, 469));
}

TEST(ModelSpec, LlamaBiasesComeFromConfig) {
  const ModelSpec spec = golden("llama-linear");
  EXPECT_EQ(spec.rope.kind, RopeKind::linear);
  EXPECT_DOUBLE_EQ(spec.rope.factor, 2.5);
  EXPECT_TRUE(spec.qkv_bias);
  EXPECT_TRUE(spec.o_bias);
  EXPECT_TRUE(spec.mlp_bias);
  EXPECT_EQ(spec.head_dim, 16);
  EXPECT_EQ(spec.stored_dtype, Dtype::f16);
}

TEST(ModelSpec, Qwen3HasHeadNormsAndItsOwnHeadDim) {
  const ModelSpec spec = parsed(
      R"({"model_type":"qwen3","hidden_size":1024,"num_attention_heads":16,"num_key_value_heads":8})");
  EXPECT_EQ(spec.head_dim, 128);
  EXPECT_TRUE(spec.qk_norm);
  EXPECT_FALSE(spec.qkv_bias);
}

TEST(ModelSpec, MistralSlidesUnlessItSaysNull) {
  EXPECT_EQ(parsed(R"({"model_type":"mistral"})").layers[31].window, 4096);
  EXPECT_EQ(parsed(R"({"model_type":"mistral","sliding_window":null})").layers[31].window, 0);
  EXPECT_EQ(parsed(R"({"model_type":"mistral","sliding_window":9})").layers[0].window, 9);
}

TEST(ModelSpec, MissingKeysMeanTransformersDefaults) {
  const ModelSpec spec = parsed(R"({"architectures":["LlamaForCausalLM"]})");
  EXPECT_EQ(spec.hidden_size, 4096);
  EXPECT_EQ(spec.num_kv_heads, 32);
  EXPECT_EQ(spec.context_length, 2048);
  EXPECT_FALSE(spec.tied_embeddings);
}

TEST(ModelSpec, ClassifiersTakeTheirLabelsFromId2label) {
  const ModelSpec spec = parsed(
      R"({"model_type":"qwen2","architectures":["Qwen2ForSequenceClassification"],
          "id2label":{"0":"no","1":"yes","2":"maybe"}})");
  EXPECT_EQ(spec.num_labels, 3);
  EXPECT_THAT(spec.labels, ElementsAre("no", "yes", "maybe"));
}

TEST(ModelSpec, UnknownArchitecturesAreNamedWithWhatIsSupported) {
  const Error error = error_of(R"({"model_type":"mamba","architectures":["MambaForCausalLM"]})");
  EXPECT_EQ(error.code, ErrorCode::architecture_unsupported);
  EXPECT_THAT(error.detail, HasSubstr("mamba"));
  EXPECT_THAT(error.detail, HasSubstr("MambaForCausalLM"));
  EXPECT_THAT(error.detail, HasSubstr("qwen2, qwen3, llama, mistral"));
  EXPECT_EQ(error_of("{}").code, ErrorCode::architecture_unsupported);
  EXPECT_EQ(
      error_of(R"({"model_type":"qwen2","architectures":["Qwen2ForTokenClassification"]})").code,
      ErrorCode::architecture_unsupported);
}

TEST(ModelSpec, QuantisedWeightsAreRefusedByName) {
  const Error error =
      error_of(R"({"model_type":"llama","quantization_config":{"quant_method":"gptq"}})");
  EXPECT_EQ(error.code, ErrorCode::dtype_unsupported);
  EXPECT_THAT(error.detail, HasSubstr("gptq"));
}

TEST(ModelSpec, BadValuesNameKeyExpectedAndFound) {
  const auto detail = [](const std::string& pair) {
    const Error error = error_of(R"({"model_type":"llama",)" + pair + "}");
    EXPECT_EQ(error.code, ErrorCode::config_invalid) << pair;
    return error.detail;
  };
  EXPECT_THAT(detail(R"("hidden_size":"big")"),
              HasSubstr("hidden_size must be an integer from 1 to 1000000, found \"big\""));
  EXPECT_THAT(detail(R"("hidden_size":0)"), HasSubstr("found 0"));
  EXPECT_THAT(detail(R"("num_hidden_layers":18446744073709551615)"),
              HasSubstr("num_hidden_layers"));
  EXPECT_THAT(detail(R"("num_attention_heads":32,"num_key_value_heads":5)"),
              HasSubstr("a divisor of num_attention_heads 32, found 5"));
  EXPECT_THAT(detail(R"("hidden_size":100)"), HasSubstr("multiple of num_attention_heads"));
  EXPECT_THAT(detail(R"("head_dim":15)"), HasSubstr("must be even"));
  EXPECT_THAT(detail(R"("hidden_act":"mish")"), HasSubstr("mish"));
  EXPECT_THAT(detail(R"("rms_norm_eps":-1)"), HasSubstr("rms_norm_eps"));
  EXPECT_THAT(detail(R"("tie_word_embeddings":1)"), HasSubstr("true or false"));
  EXPECT_THAT(detail(R"("eos_token_id":"x")"), HasSubstr("token id"));
  EXPECT_THAT(detail(R"("rope_scaling":{"type":"llama3","low_freq_factor":4})"),
              HasSubstr("high_freq_factor"));
  EXPECT_EQ(error_of(R"({"model_type":"llama","rope_scaling":{"type":"dynamic","factor":2}})").code,
            ErrorCode::architecture_unsupported);
}

TEST(ModelSpec, BrokenFilesAreValues) {
  EXPECT_EQ(error_of("").code, ErrorCode::config_invalid);
  EXPECT_EQ(error_of("[1]").code, ErrorCode::config_invalid);
  EXPECT_EQ(error_of(R"({"model_type":)").code, ErrorCode::config_invalid);
  EXPECT_EQ(error_of(std::string(100'000, '[')).code, ErrorCode::config_invalid);
  EXPECT_EQ(error_of("version https://git-lfs.github.com/spec/v1").code,
            ErrorCode::weights_are_lfs_pointer);
  const TempFolder folder;
  EXPECT_EQ(load_model_spec(folder.path()).error().code, ErrorCode::file_missing);
  EXPECT_EQ(load_model_spec(folder.path() / "none").error().code, ErrorCode::folder_not_found);
}

TEST(ModelSpec, KvBytesPerTokenCountKeysAndValuesOfAllLayers) {
  const ModelSpec spec = golden("qwen2-tied");
  EXPECT_EQ(kv_bytes_per_token(spec, 2), 2 * 3 * 5 * 8 * 2);
}

}  // namespace
}  // namespace hearth::engine
