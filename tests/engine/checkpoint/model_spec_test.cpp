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

TEST(ModelSpec, QuantisationsThatCannotBeReadAreRefusedByName) {
  const auto refused = [](const std::string& quantization) {
    const Error error =
        error_of(R"({"model_type":"llama","quantization_config":)" + quantization + "}");
    EXPECT_EQ(error.code, ErrorCode::dtype_unsupported) << quantization;
    return error.detail;
  };
  EXPECT_THAT(refused(R"({"quant_method":"hqq"})"), HasSubstr("hqq"));
  EXPECT_THAT(refused(R"({"quant_method":"compressed-tensors"})"), HasSubstr("compressed-tensors"));
  EXPECT_THAT(refused(R"({"quant_method":"gptq","bits":3})"), HasSubstr("3 bits"));
  EXPECT_THAT(refused(R"({"quant_method":"gptq","checkpoint_format":"marlin"})"),
              HasSubstr("marlin"));
  EXPECT_THAT(refused(R"({"quant_method":"awq","version":"gemv"})"), HasSubstr("gemv"));
  EXPECT_THAT(refused(R"({"quant_method":"bitsandbytes","load_in_4bit":true})"),
              HasSubstr("4 bits"));
  const ModelSpec gptq = parsed(
      R"({"model_type":"llama","quantization_config":{"quant_method":"gptq","bits":8,
          "checkpoint_format":"gptq_v2"}})");
  EXPECT_EQ(gptq.quantization.method, QuantMethod::gptq);
  EXPECT_EQ(gptq.quantization.bits, 8);
  EXPECT_TRUE(gptq.quantization.zeros_are_exact);
}

TEST(ModelSpec, Phi3HasFusedWeightsAndTurnsAPartOfEachHead) {
  const ModelSpec spec = golden("phi3");
  EXPECT_TRUE(spec.fused_qkv);
  EXPECT_TRUE(spec.fused_gate_up);
  EXPECT_EQ(spec.rope.dim, 12);
  EXPECT_EQ(spec.layers[0].window, 47);
  const ModelSpec lengthy = parsed(
      R"({"model_type":"phi3","hidden_size":64,"num_attention_heads":8,
          "max_position_embeddings":131072,"original_max_position_embeddings":4096,
          "rope_scaling":{"type":"su","short_factor":[1,1,1,1],"long_factor":[2,3,4,5]}})");
  EXPECT_EQ(lengthy.rope.kind, RopeKind::longrope);
  EXPECT_DOUBLE_EQ(lengthy.rope.factor, 32.0);
  EXPECT_EQ(lengthy.rope.original_max_position, 4096);
}

TEST(ModelSpec, Gemma2CapsItsScoresAndAlternatesItsWindows) {
  const ModelSpec spec = golden("gemma2");
  EXPECT_EQ(spec.norm, NormKind::rms_unit_offset);
  EXPECT_TRUE(spec.sandwich_norms);
  EXPECT_DOUBLE_EQ(spec.attention_softcap, 5.0);
  EXPECT_DOUBLE_EQ(spec.logits_softcap, 12.0);
  EXPECT_EQ(spec.layers[0].window, 16);
  EXPECT_EQ(spec.layers[1].window, 0);
  const ModelSpec old = parsed(
      R"({"model_type":"gemma2","num_hidden_layers":4,"sliding_window":9,
          "final_logit_softcapping":null})");
  EXPECT_EQ(old.layers[0].window, 9);
  EXPECT_EQ(old.layers[3].window, 0);
  EXPECT_DOUBLE_EQ(old.attention_softcap, 50.0);
  EXPECT_DOUBLE_EQ(old.logits_softcap, 0.0);
}

TEST(ModelSpec, Gemma3TurnsItsWindowedLayersByTheirOwnRope) {
  const ModelSpec spec = parsed(
      R"({"model_type":"gemma3_text","num_hidden_layers":7,"rope_scaling":{"rope_type":"linear",
          "factor":8}})");
  EXPECT_TRUE(spec.qk_norm);
  EXPECT_DOUBLE_EQ(spec.rope.theta, 1e6);
  EXPECT_DOUBLE_EQ(spec.rope.factor, 8.0);
  EXPECT_DOUBLE_EQ(spec.local_rope.theta, 1e4);
  EXPECT_EQ(spec.local_rope.kind, RopeKind::standard);
  EXPECT_TRUE(spec.layers[4].local_rope);
  EXPECT_FALSE(spec.layers[5].local_rope);  // every sixth sees all
  EXPECT_EQ(spec.layers[5].window, 0);
  const ModelSpec nested = parsed(
      R"({"model_type":"gemma3","architectures":["Gemma3ForConditionalGeneration"],
          "text_config":{"hidden_size":256,"head_dim":32,"query_pre_attn_scalar":64}})");
  EXPECT_EQ(nested.hidden_size, 256);
  EXPECT_DOUBLE_EQ(nested.attention_scale, 0.125);
  EXPECT_EQ(error_of(R"({"model_type":"gemma3"})").code, ErrorCode::config_invalid);
}

TEST(ModelSpec, GlmConfigsTellTheirNetworkByTheirKeys) {
  const ModelSpec first = golden("chatglm1-tiny");
  EXPECT_EQ(first.network, Network::chatglm1);
  EXPECT_EQ(first.intermediate_size, 256);
  EXPECT_EQ(first.rope.dim, 8);
  EXPECT_NEAR(first.residual_scale, 7.4833, 1e-4);  // √56, whatever the number of layers
  const ModelSpec second = golden("chatglm2-tiny");
  EXPECT_EQ(second.network, Network::decoder);
  EXPECT_EQ(second.head_dim, 12);
  EXPECT_EQ(second.num_kv_heads, 2);
  EXPECT_EQ(second.rope.layout, RopeLayout::interleaved);
  EXPECT_EQ(second.rope.dim, 6);
  EXPECT_EQ(error_of(R"({"model_type":"chatglm","quantization_bit":4})").code,
            ErrorCode::architecture_unsupported);
}

TEST(ModelSpec, YuanHasItsActivationOnUpProj) {
  const ModelSpec spec = golden("yuan2-tiny");
  EXPECT_EQ(spec.network, Network::yuan2);
  EXPECT_EQ(spec.names.gate_proj, "mlp.up_proj");
  EXPECT_EQ(error_of(R"({"model_type":"yuan","use_shareqk":true})").code,
            ErrorCode::architecture_unsupported);
}

TEST(ModelSpec, BertNeedsAClassifier) {
  EXPECT_EQ(golden("bert-cls").network, Network::bert);
  EXPECT_EQ(golden("bert-cls").scores, ScoreKind::single_label);
  const Error error = error_of(R"({"model_type":"bert","architectures":["BertForMaskedLM"]})");
  EXPECT_EQ(error.code, ErrorCode::architecture_unsupported);
  EXPECT_EQ(error_of(R"({"model_type":"bert"})").code, ErrorCode::architecture_unsupported);
}

TEST(ModelSpec, KeysThatNobodyReadsAreNamed) {
  const ModelSpec spec = parsed(R"({"model_type":"llama","use_cache":true,"residual_gate":0.5})");
  EXPECT_THAT(spec.warnings, ElementsAre(HasSubstr("residual_gate")));
  EXPECT_TRUE(parsed(R"({"model_type":"llama","novelty":null})").warnings.empty());
}

TEST(ModelSpec, EveryFamilySaysWhatItIs) {
  for (const FamilyInfo& info : supported_families()) {
    EXPECT_FALSE(info.model_type.empty());
    EXPECT_FALSE(info.models.empty());
    EXPECT_NE(info.source.find("; "), std::string_view::npos) << info.model_type;
  }
  EXPECT_EQ(supported_families().size(), 12U);
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

TEST(ModelSpec, LongropeStaysBelowItsOriginalMaximumUnlessAskedBeyond) {
  const ModelSpec spec = golden("phi3-long");
  EXPECT_EQ(planned_context(spec, 0), 64);
  EXPECT_EQ(planned_context(spec, 200), 200);
  EXPECT_EQ(planned_context(spec, 1000), 256);
  EXPECT_EQ(planned_context(golden("qwen2-tied"), 0), 512);
}

TEST(ModelSpec, KvBytesPerTokenCountKeysAndValuesOfAllLayers) {
  const ModelSpec spec = golden("qwen2-tied");
  EXPECT_EQ(kv_bytes_per_token(spec, 2), 2 * 3 * 5 * 8 * 2);
}

}  // namespace
}  // namespace hearth::engine
