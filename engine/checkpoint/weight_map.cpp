#include "engine/checkpoint/weight_map.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "engine/base/check.h"

namespace hearth::engine {
namespace {

// Buffers that old transformers saved; recomputed by everyone.
bool is_ignored(std::string_view name) {
  return name.ends_with("rotary_emb.inv_freq") || name.ends_with(".position_ids");
}

class ParameterList {
 public:
  void linear(const std::string& path, std::int64_t out, std::int64_t in, bool has_bias) {
    list_.push_back({path + ".weight", {out, in}, ModuleKind::linear});
    if (has_bias) list_.push_back({path + ".bias", {out}, ModuleKind::linear});
  }
  void norm(const std::string& path, std::int64_t size) {
    list_.push_back({path + ".weight", {size}, ModuleKind::norm});
  }
  void embedding(const std::string& path, std::int64_t rows, std::int64_t size) {
    list_.push_back({path + ".weight", {rows, size}, ModuleKind::embedding});
  }
  std::vector<ParameterSpec> take() { return std::move(list_); }

 private:
  std::vector<ParameterSpec> list_;
};

void add_attention(ParameterList& list, const ModelSpec& spec, const std::string& layer) {
  const TensorNames& names = spec.names;
  const std::int64_t q = spec.num_heads * spec.head_dim;
  const std::int64_t kv = spec.num_kv_heads * spec.head_dim;
  if (spec.fused_qkv) {
    list.linear(layer + names.qkv_proj, q + 2 * kv, spec.hidden_size, spec.qkv_bias);
  } else {
    list.linear(layer + names.q_proj, q, spec.hidden_size, spec.qkv_bias);
    list.linear(layer + names.k_proj, kv, spec.hidden_size, spec.qkv_bias);
    list.linear(layer + names.v_proj, kv, spec.hidden_size, spec.qkv_bias);
  }
  if (spec.qk_norm) {
    list.norm(layer + names.q_norm, spec.head_dim);
    list.norm(layer + names.k_norm, spec.head_dim);
  }
  list.linear(layer + names.o_proj, spec.hidden_size, q, spec.o_bias);
}

void add_mlp(ParameterList& list, const ModelSpec& spec, const std::string& layer) {
  const TensorNames& names = spec.names;
  if (spec.fused_gate_up) {
    list.linear(layer + names.gate_up_proj, 2 * spec.intermediate_size, spec.hidden_size,
                spec.mlp_bias);
  } else {
    list.linear(layer + names.gate_proj, spec.intermediate_size, spec.hidden_size, spec.mlp_bias);
    list.linear(layer + names.up_proj, spec.intermediate_size, spec.hidden_size, spec.mlp_bias);
  }
  list.linear(layer + names.down_proj, spec.hidden_size, spec.intermediate_size, spec.mlp_bias);
}

// The file's tensor for a parameter's name, with the base prefix added or left out when the file
// was saved that way.
const TensorView* find_parameter(const Checkpoint& checkpoint, const ModelSpec& spec,
                                 const std::string& name, std::string* found_as) {
  const std::string& base = spec.names.base;
  std::vector<std::string> spellings = {name, base + name};
  if (name.starts_with(base)) spellings.push_back(name.substr(base.size()));
  for (const std::string& spelling : spellings) {
    if (const TensorView* view = checkpoint.find(spelling)) {
      *found_as = spelling;
      return view;
    }
  }
  return nullptr;
}

std::optional<Error> check_view(const Checkpoint& checkpoint, const ParameterSpec& parameter,
                                const TensorView& view) {
  const std::string where = checkpoint.folder().string() + ": tensor \"" + parameter.name + "\" ";
  if (view.shape != parameter.shape) {
    return Error{ErrorCode::tensor_shape_mismatch, where + "must be " +
                                                       format_shape(parameter.shape) + ", found " +
                                                       format_shape(view.shape) + "."};
  }
  if (!is_floating(view.dtype)) {
    return Error{ErrorCode::dtype_unsupported, where + "is stored as " +
                                                   std::string(name_of(view.dtype)) +
                                                   "; supported are F32, F64, F16 and BF16."};
  }
  return std::nullopt;
}

bool same_bytes(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.bytes.size() == b.bytes.size() &&
         std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShown) text += ", … (" + std::to_string(names.size()) + " in all)";
  return text;
}

}  // namespace

std::vector<ParameterSpec> parameters_of(const ModelSpec& spec) {
  CHECK(spec.network == Network::decoder);
  const TensorNames& names = spec.names;
  ParameterList list;
  list.embedding(names.embedding, spec.vocab_size, spec.hidden_size);
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    std::string layer = names.layer + ".";
    layer.replace(layer.find("{}"), 2, std::to_string(i));
    list.norm(layer + names.input_norm, spec.hidden_size);
    add_attention(list, spec, layer);
    list.norm(layer + names.post_attention_norm, spec.hidden_size);
    if (spec.sandwich_norms) list.norm(layer + names.pre_mlp_norm, spec.hidden_size);
    add_mlp(list, spec, layer);
    if (spec.sandwich_norms) list.norm(layer + names.post_mlp_norm, spec.hidden_size);
  }
  list.norm(names.final_norm, spec.hidden_size);
  if (spec.is_classifier()) {
    list.linear(names.score, spec.num_labels, spec.hidden_size, false);
  } else if (!spec.tied_embeddings) {
    list.linear(names.lm_head, spec.vocab_size, spec.hidden_size, false);
  }
  return list.take();
}

Result<WeightMap> WeightMap::match(const Checkpoint& checkpoint, const ModelSpec& spec) {
  WeightMap map;
  std::unordered_set<std::string> used;
  std::string found_as;
  const std::string head = spec.names.lm_head + ".weight";
  const std::string embedding = spec.names.embedding + ".weight";
  for (const ParameterSpec& parameter : parameters_of(spec)) {
    const TensorView* view = find_parameter(checkpoint, spec, parameter.name, &found_as);
    if (view == nullptr && spec.tied_embeddings && parameter.name == embedding) {
      view = find_parameter(checkpoint, spec, head, &found_as);  // only the head was saved
    }
    if (view == nullptr) {
      return fail(ErrorCode::tensor_missing,
                  checkpoint.folder().string() + ": tensor \"" + parameter.name + "\" " +
                      format_shape(parameter.shape) + " is missing from the weights.");
    }
    if (auto error = check_view(checkpoint, parameter, *view)) return tl::unexpected(*error);
    used.insert(found_as);
    map.tensors_.emplace(parameter.name, view);
    map.num_parameters_ += static_cast<std::uint64_t>(view->num_elements());
  }
  if (spec.tied_embeddings && !spec.is_classifier()) {
    const TensorView* tied = map.tensors_.at(embedding);
    const TensorView* own = find_parameter(checkpoint, spec, head, &found_as);
    map.head_is_embedding_ = own == nullptr || own == tied || same_bytes(*own, *tied);
    if (own != nullptr) used.insert(found_as);
    if (!map.head_is_embedding_) {
      const ParameterSpec parameter{head, {spec.vocab_size, spec.hidden_size}, ModuleKind::linear};
      if (auto error = check_view(checkpoint, parameter, *own)) return tl::unexpected(*error);
      map.warnings_.push_back(
          "config.json ties lm_head to the embedding, but the weights have a "
          "head of their own that differs; it is used.");
      map.num_parameters_ += static_cast<std::uint64_t>(own->num_elements());
    }
    map.tensors_.emplace(head, map.head_is_embedding_ ? tied : own);
  }
  std::vector<std::string> unexpected;
  for (const NamedTensor& tensor : checkpoint.tensors()) {
    if (!used.contains(tensor.name) && !is_ignored(tensor.name)) unexpected.push_back(tensor.name);
  }
  if (!unexpected.empty()) {
    map.warnings_.push_back("The model does not use these tensors: " + listed(unexpected) + ".");
  }
  return map;
}

const TensorView& WeightMap::at(std::string_view name) const {
  const auto it = tensors_.find(std::string(name));
  CHECK(it != tensors_.end());
  return *it->second;
}

bool WeightMap::contains(std::string_view name) const {
  return tensors_.contains(std::string(name));
}

}  // namespace hearth::engine
