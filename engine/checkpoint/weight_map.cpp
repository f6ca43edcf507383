#include "engine/checkpoint/weight_map.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "engine/base/check.h"
#include "engine/checkpoint/dequantize.h"

namespace hearth::engine {
namespace {

// Buffers that old transformers saved; recomputed by everyone.
bool is_ignored(std::string_view name) {
  return name.ends_with("rotary_emb.inv_freq") || name.ends_with("rotary_pos_emb.inv_freq") ||
         name.ends_with(".position_ids");
}

// The names under which a checkpoint may hold what the spec calls `name`: with the base prefix
// added or left out, and inside a larger model.
std::vector<std::string> spellings_of(const ModelSpec& spec, const std::string& name) {
  const std::string& base = spec.names.base;
  std::vector<std::string> spellings = {name, base + name};
  if (name.starts_with(base)) spellings.push_back(name.substr(base.size()));
  if (const std::string& outer = spec.names.outer; !outer.empty()) {
    spellings.push_back(outer + name);
    if (name.starts_with(base)) spellings.push_back(base + outer + name.substr(base.size()));
  }
  return spellings;
}

// BERT's first checkpoints call a norm's weight gamma and its bias beta.
std::string old_norm_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return name.substr(0, dot) + (name.substr(dot) == ".bias" ? ".beta" : ".gamma");
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
  return a.dtype == b.dtype && a.shape == b.shape && a.strides == b.strides &&
         a.bytes.size() == b.bytes.size() &&
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

void add_parameters(const ModuleSpec& module, const std::string& path,
                    std::vector<ParameterSpec>& parameters) {
  parameters.push_back({path + ".weight", module.shape, module.kind, module.eps});
  if (module.has_bias) {
    parameters.push_back({path + ".bias", {module.shape[0]}, module.kind, module.eps});
  }
}

}  // namespace

std::vector<ParameterSpec> parameters_of(const ModelSpec& spec) {
  const auto is_in_layer = [](const ModuleSpec& module) {
    return module.path.find("{}") != std::string::npos;
  };
  const auto begin = std::find_if(spec.modules.begin(), spec.modules.end(), is_in_layer);
  const auto end = std::find_if_not(begin, spec.modules.end(), is_in_layer);
  std::vector<ParameterSpec> parameters;
  for (auto it = spec.modules.begin(); it != begin; ++it) {
    add_parameters(*it, it->path, parameters);
  }
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    for (auto it = begin; it != end; ++it) {
      std::string path = it->path;
      add_parameters(*it, path.replace(path.find("{}"), 2, std::to_string(i)), parameters);
    }
  }
  for (auto it = end; it != spec.modules.end(); ++it) add_parameters(*it, it->path, parameters);
  return parameters;
}

std::string layer_prefix(const ModelSpec& spec, std::int64_t index) {
  std::string prefix = spec.names.layer + '.';
  return prefix.replace(prefix.find("{}"), 2, std::to_string(index));
}

std::vector<const NamedTensor*> tensors_of_layer(const Checkpoint& checkpoint,
                                                 const ModelSpec& spec, std::int64_t index) {
  const std::vector<std::string> prefixes = spellings_of(spec, layer_prefix(spec, index));
  std::vector<const NamedTensor*> tensors;
  for (const NamedTensor& tensor : checkpoint.tensors()) {
    if (std::any_of(prefixes.begin(), prefixes.end(),
                    [&](const std::string& prefix) { return tensor.name.starts_with(prefix); }))
      tensors.push_back(&tensor);
  }
  return tensors;
}

void prefetch_layer(const Checkpoint& checkpoint, const ModelSpec& spec, std::int64_t index) {
  for (const NamedTensor* tensor : tensors_of_layer(checkpoint, spec, index))
    checkpoint.prefetch(tensor->view);
}

// One match in the making.
class WeightMap::Matcher {
 public:
  Matcher(const Checkpoint& checkpoint, const ModelSpec& spec)
      : checkpoint_(checkpoint), spec_(spec) {}

  Result<WeightMap> run() {
    for (const ParameterSpec& parameter : parameters_of(spec_)) {
      if (auto added = add(parameter); !added) return tl::unexpected(std::move(added.error()));
    }
    if (spec_.tied_embeddings && !spec_.is_classifier()) {
      if (auto added = add_tied_head(); !added) return tl::unexpected(std::move(added.error()));
    }
    warn_of_strangers();
    return std::move(map_);
  }

 private:
  std::string head() const { return spec_.names.lm_head + ".weight"; }
  std::string embedding() const { return spec_.names.embedding + ".weight"; }

  // The file's tensor for a parameter's name; nullptr when there is none.
  const TensorView* find_plain(const std::string& name) {
    for (const std::string& spelling : spellings_of(spec_, name)) {
      if (const TensorView* view = checkpoint_.find(spelling)) {
        used_.insert(spelling);
        return view;
      }
    }
    return nullptr;
  }

  Result<const TensorView*> find_norm(const std::string& name) {
    const TensorView* view = find_plain(name);
    const TensorView* old = find_plain(old_norm_name(name));
    if (view != nullptr && old != nullptr) {
      return fail(ErrorCode::weights_invalid, checkpoint_.folder().string() + ": tensor \"" + name +
                                                  "\" is there twice, also as \"" +
                                                  old_norm_name(name) + "\".");
    }
    return view != nullptr ? view : old;
  }

  Result<const TensorView*> find_dequantized(const ParameterSpec& parameter) {
    constexpr std::string_view kSuffix = ".weight";
    if (!parameter.name.ends_with(kSuffix)) return nullptr;
    const std::string path = parameter.name.substr(0, parameter.name.size() - kSuffix.size());
    for (const std::string& spelling : spellings_of(spec_, path)) {
      auto found = find_quantized(checkpoint_, spec_.quantization, spelling, parameter.shape[0],
                                  parameter.shape[1]);
      if (!found) return tl::unexpected(std::move(found.error()));
      if (!*found) continue;
      used_.insert((*found)->used.begin(), (*found)->used.end());
      map_.computed_.push_back(std::move((*found)->view));
      return &map_.computed_.back();
    }
    return nullptr;
  }

  Result<const TensorView*> find(const ParameterSpec& parameter) {
    if (parameter.kind == ModuleKind::layer_norm) return find_norm(parameter.name);
    if (parameter.kind == ModuleKind::linear && spec_.quantization.method != QuantMethod::none) {
      auto found = find_dequantized(parameter);
      if (!found || *found != nullptr) return found;
    }
    return find_plain(parameter.name);
  }

  Result<void> add(const ParameterSpec& parameter) {
    auto found = find(parameter);
    if (!found) return tl::unexpected(std::move(found.error()));
    const TensorView* view = *found;
    if (view == nullptr && spec_.tied_embeddings && parameter.name == embedding()) {
      view = find_plain(head());  // only the head was saved
    }
    if (view == nullptr) {
      return fail(ErrorCode::tensor_missing,
                  checkpoint_.folder().string() + ": tensor \"" + parameter.name + "\" " +
                      format_shape(parameter.shape) + " is missing from the weights.");
    }
    if (auto error = check_view(checkpoint_, parameter, *view)) return tl::unexpected(*error);
    map_.tensors_.emplace(parameter.name, view);
    map_.num_parameters_ += static_cast<std::uint64_t>(view->num_elements());
    return {};
  }

  // models §8.3: one tensor, unless the file has a head of its own that differs.
  Result<void> add_tied_head() {
    const TensorView* tied = map_.tensors_.at(embedding());
    const TensorView* own = find_plain(head());
    map_.head_is_embedding_ = own == nullptr || own == tied || same_bytes(*own, *tied);
    map_.tensors_.emplace(head(), map_.head_is_embedding_ ? tied : own);
    if (map_.head_is_embedding_) return {};
    const ParameterSpec parameter{
        head(), {spec_.vocab_size, spec_.hidden_size}, ModuleKind::linear, 0.0};
    if (auto error = check_view(checkpoint_, parameter, *own)) return tl::unexpected(*error);
    map_.warnings_.push_back(
        "config.json ties lm_head to the embedding, but the weights have a "
        "head of their own that differs; it is used.");
    map_.num_parameters_ += static_cast<std::uint64_t>(own->num_elements());
    return {};
  }

  void warn_of_strangers() {
    std::vector<std::string> unexpected;
    for (const NamedTensor& tensor : checkpoint_.tensors()) {
      if (!used_.contains(tensor.name) && !is_ignored(tensor.name)) {
        unexpected.push_back(tensor.name);
      }
    }
    if (unexpected.empty()) return;
    map_.warnings_.push_back("The model does not use these tensors: " + listed(unexpected) + ".");
  }

  const Checkpoint& checkpoint_;
  const ModelSpec& spec_;
  WeightMap map_;
  std::unordered_set<std::string> used_;
};

Result<WeightMap> WeightMap::match(const Checkpoint& checkpoint, const ModelSpec& spec) {
  return Matcher(checkpoint, spec).run();
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
