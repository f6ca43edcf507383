#include <cmath>
#include <string>

#include "engine/checkpoint/families/family.h"

namespace hearth::engine {
namespace {

// An encoder: every token sees every other, norms come after the sums (models §5).
void list_modules(ModelSpec& spec, std::int64_t num_types) {
  const std::int64_t size = spec.hidden_size;
  const TensorNames& names = spec.names;
  const std::string layer = names.layer + ".";
  const auto embedding = [&](const char* path, std::int64_t rows) {
    spec.modules.push_back({path, ModuleKind::embedding, {rows, size}});
  };
  const auto linear = [&](const std::string& path, std::int64_t out, std::int64_t in) {
    spec.modules.push_back({path, ModuleKind::linear, {out, in}, true});
  };
  const auto norm = [&](const std::string& path) {
    spec.modules.push_back({path, ModuleKind::layer_norm, {size}, true, spec.norm_eps});
  };
  embedding("bert.embeddings.word_embeddings", spec.vocab_size);
  embedding("bert.embeddings.position_embeddings", spec.context_length);
  embedding("bert.embeddings.token_type_embeddings", num_types);
  norm("bert.embeddings.LayerNorm");
  linear(layer + names.q_proj, size, size);
  linear(layer + names.k_proj, size, size);
  linear(layer + names.v_proj, size, size);
  linear(layer + names.o_proj, size, size);
  norm(layer + names.post_attention_norm);
  linear(layer + names.up_proj, spec.intermediate_size, size);
  linear(layer + names.down_proj, size, spec.intermediate_size);
  norm(layer + names.post_mlp_norm);
  if (!spec.is_classifier()) return;  // its states are what it is for
  linear("bert.pooler.dense", size, size);
  linear(names.score, spec.num_labels, size);
}

void describe(ConfigReader& config, ModelSpec& spec) {
  if (!spec.is_classifier() && spec.architecture != "BertModel") {
    config.refuse(ErrorCode::architecture_unsupported,
                  config.where() +
                      ": of BERT, BertForSequenceClassification and BertModel are "
                      "supported, not " +
                      spec.architecture + ".");
    return;
  }
  spec.network = Network::bert;
  describe_decoder(config, spec,
                   {.vocab_size = 30522,
                    .hidden_size = 768,
                    .intermediate_size = 3072,
                    .num_layers = 12,
                    .num_heads = 12,
                    .context_length = 512,
                    .activation = "gelu"});
  spec.norm = NormKind::layer_norm;
  spec.norm_eps = config.number("layer_norm_eps", 1e-12, 0.0, 1.0);
  spec.tied_embeddings = false;  // the key means BERT's language model head
  spec.rope = RopeSpec{};        // positions are learnt
  if (config.text("position_embedding_type", "absolute") != "absolute") {
    config.report("position_embedding_type", "\"absolute\"");
  }
  spec.names.base = "bert.";
  spec.names.embedding = "bert.embeddings.word_embeddings";
  spec.names.layer = "bert.encoder.layer.{}";
  spec.names.q_proj = "attention.self.query";
  spec.names.k_proj = "attention.self.key";
  spec.names.v_proj = "attention.self.value";
  spec.names.o_proj = "attention.output.dense";
  spec.names.post_attention_norm = "attention.output.LayerNorm";
  spec.names.up_proj = "intermediate.dense";
  spec.names.down_proj = "output.dense";
  spec.names.post_mlp_norm = "output.LayerNorm";
  spec.names.score = "classifier";
  list_modules(spec, config.integer("type_vocab_size", 2, 1, 1000));
}

}  // namespace

const Family kBertFamily = {"bert", "Bert", "BERT for sequence classification and embeddings",
                            "google-bert/bert-base-uncased; transformers models/bert", describe};

}  // namespace hearth::engine
