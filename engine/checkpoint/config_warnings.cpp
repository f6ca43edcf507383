#include "engine/checkpoint/config_warnings.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace hearth::engine {
namespace {

// Keys that mean nothing to a reader of weights: training, Python, what others read, or a window
// that is switched off.
constexpr std::array<std::string_view, 64> kSilentKeys = {"_attn_implementation_autoset",
                                                          "_commit_hash",
                                                          "_name_or_path",
                                                          "add_cross_attention",
                                                          "apply_query_key_layer_scaling",
                                                          "attention_dropout",
                                                          "attention_probs_dropout_prob",
                                                          "attention_softmax_in_fp32",
                                                          "auto_map",
                                                          "bad_words_ids",
                                                          "bias_dropout_fusion",
                                                          "cache_implementation",
                                                          "causal_mask",
                                                          "chunk_size_feed_forward",
                                                          "classifier_dropout",
                                                          "directionality",
                                                          "dropout",
                                                          "embd_pdrop",
                                                          "eod_token",
                                                          "eod_token_id",
                                                          "finetuning_task",
                                                          "fp32_residual_connection",
                                                          "gmask_token_id",
                                                          "gradient_checkpointing",
                                                          "hidden_act",
                                                          "hidden_dropout",
                                                          "hidden_dropout_prob",
                                                          "initializer_range",
                                                          "is_decoder",
                                                          "is_encoder_decoder",
                                                          "label2id",
                                                          "layer_types",
                                                          "length_penalty",
                                                          "mask_token_id",
                                                          "max_window_layers",
                                                          "output_attentions",
                                                          "output_hidden_states",
                                                          "output_past",
                                                          "pad_token_id",
                                                          "pooler_fc_size",
                                                          "pooler_num_attention_heads",
                                                          "pooler_num_fc_layers",
                                                          "pooler_size_per_head",
                                                          "pooler_type",
                                                          "position_encoding_2d",
                                                          "prefix_projection",
                                                          "pretraining_tp",
                                                          "problem_type",
                                                          "reset_attention_mask",
                                                          "reset_position_ids",
                                                          "resid_pdrop",
                                                          "return_dict",
                                                          "rope_theta",
                                                          "sep_token",
                                                          "sep_token_id",
                                                          "sliding_window",
                                                          "task_specific_params",
                                                          "tokenizer_class",
                                                          "torchscript",
                                                          "transformers_version",
                                                          "use_bidirectional_attention",
                                                          "use_cache",
                                                          "use_flash_attention",
                                                          "use_loss_mask"};

}  // namespace

std::vector<std::string> warn_of_unread_keys(const ConfigReader& config) {
  std::string names;
  for (const std::string& key : config.unread_keys()) {
    const bool is_silent =
        std::find(kSilentKeys.begin(), kSilentKeys.end(), key) != kSilentKeys.end();
    if (!is_silent) names.append(names.empty() ? "" : ", ").append(key.substr(0, 80));
  }
  if (names.empty()) return {};
  return {config.where() + ": these keys are not read: " + names + "."};
}

}  // namespace hearth::engine
