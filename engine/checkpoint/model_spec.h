// What a family computes, as data: config.json read once into plain fields that every decoder
// understands (models §1–§4).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/checkpoint/module_spec.h"
#include "engine/checkpoint/quantization.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

// Which decoder runs it. Everything but ChatGLM-1, Yuan2 and BERT is the shared pre-norm decoder of
// models §2.
enum class Network : std::uint8_t { decoder, chatglm1, yuan2, bert };

enum class NormKind : std::uint8_t {
  rms,  // Llama: normalise in fp32, round to the model's dtype, multiply by the weight there
  rms_unit_offset,  // Gemma: all in fp32 with (1 + weight), one rounding
  rms_fp32,         // ChatGLM2/3: all in fp32 with the weight, one rounding
  layer_norm,
};

enum class Activation : std::uint8_t { silu, gelu, gelu_tanh, relu };

enum class RopeKind : std::uint8_t { standard, linear, llama3, yarn, longrope };
enum class RopeLayout : std::uint8_t { half, interleaved };  // pairs (j, j + dim/2) or (2j, 2j + 1)

struct RopeSpec {
  RopeKind kind = RopeKind::standard;
  RopeLayout layout = RopeLayout::half;
  std::int64_t dim = 0;  // rotated channels of a head, even, ≤ head_dim
  double theta = 10000.0;
  double factor = 1.0;                          // linear, llama3, yarn, longrope
  double low_freq_factor = 1.0;                 // llama3
  double high_freq_factor = 4.0;                // llama3
  std::int64_t original_max_position = 0;       // llama3, yarn, longrope
  double beta_fast = 32.0;                      // yarn
  double beta_slow = 1.0;                       // yarn
  bool truncate = true;                         // yarn: whole correction bounds
  std::optional<double> attention_factor = {};  // yarn, longrope
  std::optional<double> mscale = {};            // yarn
  std::optional<double> mscale_all_dim = {};    // yarn
  std::vector<double> short_factor = {};        // longrope, dim/2 each
  std::vector<double> long_factor = {};
  bool half_precision_frequencies = false;  // ChatGLM-6B: rounded to fp16 (models §4.8)
};

// Module paths below the layer or the root, without ".weight" and ".bias". "{}" stands for the
// layer's index.
struct TensorNames {
  std::string base = "model.";  // a checkpoint may lack this prefix (saved from the bare model)
  std::string outer;            // a checkpoint may have this prefix too ("language_model.")
  std::string embedding = "model.embed_tokens";
  std::string layer = "model.layers.{}";
  std::string input_norm = "input_layernorm";
  std::string q_proj = "self_attn.q_proj";
  std::string k_proj = "self_attn.k_proj";
  std::string v_proj = "self_attn.v_proj";
  std::string qkv_proj = "self_attn.qkv_proj";  // instead of the three, when fused_qkv
  std::string q_norm = "self_attn.q_norm";
  std::string k_norm = "self_attn.k_norm";
  std::string o_proj = "self_attn.o_proj";
  std::string post_attention_norm = "post_attention_layernorm";
  std::string pre_mlp_norm = "pre_feedforward_layernorm";    // Gemma 2/3
  std::string post_mlp_norm = "post_feedforward_layernorm";  // Gemma 2/3
  std::string gate_proj = "mlp.gate_proj";
  std::string up_proj = "mlp.up_proj";
  std::string gate_up_proj =
      "mlp.gate_up_proj";  // instead of the two, when fused_gate_up: gate rows first
  std::string down_proj = "mlp.down_proj";
  std::string final_norm = "model.norm";
  std::string lm_head = "lm_head";
  std::string score = "score";  // sequence classification
};

// What class scores are: one of the labels, any number of them, or numbers of their own.
enum class ScoreKind : std::uint8_t { single_label, multi_label, regression };

// How one layer differs from the others.
struct LayerSpec {
  std::int64_t window = 0;  // a query sees itself and window − 1 tokens before it; 0: all
  bool local_rope = false;  // rotates by ModelSpec::local_rope (Gemma 3)
};

struct ModelSpec {
  Network network = Network::decoder;
  std::string model_type;    // "qwen2"
  std::string architecture;  // "Qwen2ForCausalLM"

  std::int64_t vocab_size = 0;  // rows of the embedding; may exceed the tokenizer's entries
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;    // divides num_heads
  std::int64_t head_dim = 0;        // not always hidden_size / num_heads
  std::int64_t context_length = 0;  // max_position_embeddings
  std::int64_t num_labels = 0;      // > 0: a classifier, with `score` instead of `lm_head`

  NormKind norm = NormKind::rms;
  double norm_eps = 1e-6;
  bool sandwich_norms = false;  // Gemma 2/3: norms after attention and MLP too
  bool qk_norm = false;         // q and k normalised per head before rope
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  bool fused_qkv = false;        // one tensor: q rows, k rows, v rows
  bool fused_gate_up = false;    // one tensor: gate rows, up rows
  bool tied_embeddings = false;  // lm_head is the embedding
  Activation activation = Activation::silu;

  RopeSpec rope;
  RopeSpec local_rope;            // layers that say so
  std::vector<LayerSpec> layers;  // num_layers of them

  double attention_scale = 0.0;    // multiplies q·k
  double residual_scale = 1.0;     // ChatGLM-6B: multiplies what a sub-layer adds itself to
  double embedding_scale = 1.0;    // multiplies the embedding (Gemma: sqrt(hidden_size))
  double attention_softcap = 0.0;  // cap·tanh(score / cap) before the mask; 0: none
  double logits_softcap = 0.0;

  std::optional<Dtype> stored_dtype;  // what config.json says of the weights
  std::vector<TokenId> bos_token_ids;
  std::vector<TokenId> eos_token_ids;
  std::vector<std::string> labels;  // id2label, num_labels of them or none
  ScoreKind scores = ScoreKind::single_label;
  TensorNames names;
  std::vector<ModuleSpec> modules;  // in the order of the forward pass; those of a layer in one run
  std::vector<std::string>
      warnings;                   // what config.json says and Hearth does not do, a sentence each
  QuantizationSpec quantization;  // how linear modules may be stored

  bool is_classifier() const { return num_labels > 0; }
};

// Reads FOLDER/config.json. Errors: folder_not_found, file_missing, config_invalid,
// architecture_unsupported, dtype_unsupported (a quantisation that cannot be read).
Result<ModelSpec> load_model_spec(const std::filesystem::path& folder);

// The same from text; `where` names it in errors.
Result<ModelSpec> parse_model_spec(const std::string& json, const std::string& where);

// What `hearth models` and error sentences list.
struct FamilyInfo {
  std::string_view model_type;           // "qwen2"
  std::string_view architecture_prefix;  // "Qwen2"
  std::string_view models;               // "Qwen1.5, Qwen2, Qwen2.5"
  std::string_view source;               // a published folder, and whose mathematics is followed
};
std::vector<FamilyInfo> supported_families();

// The longest sequence a runner should plan with: what was asked for, at most the model's own.
// Where nobody asked (0), a longrope model stays below its original maximum: its short factors then
// hold for every sequence, as in transformers; beyond, its long ones do (models §3.5).
std::int64_t planned_context(const ModelSpec& spec, std::int64_t asked);

// KV cache bytes of one token at `bytes_per_element`, over all layers.
std::int64_t kv_bytes_per_token(const ModelSpec& spec, std::int64_t bytes_per_element);

}  // namespace hearth::engine
