#include "engine/checkpoint/module_tree.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>

namespace hearth::engine {
namespace {

Module& child_of(Module& parent, const std::string& name) {
  for (Module& child : parent.children) {
    if (child.name == name) return child;
  }
  parent.children.push_back({});
  parent.children.back().name = name;
  return parent.children.back();
}

// The module at a dotted path, made on the way.
Module& module_at(Module& root, std::string_view path) {
  Module* module = &root;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    module = &child_of(*module, std::string(path.substr(0, dot)));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *module;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

void add_parameter(Module& root, const ParameterSpec& parameter, const TensorView& view) {
  const std::size_t dot = parameter.name.rfind('.');
  Module& leaf = module_at(root, std::string_view(parameter.name).substr(0, dot));
  leaf.num_parameters += static_cast<std::uint64_t>(view.num_elements());
  if (parameter.name.substr(dot + 1) == "bias") {
    leaf.detail += ", bias";
    return;
  }
  leaf.dtype = name_of(view.dtype);
  switch (parameter.kind) {
    case ModuleKind::linear:
      leaf.kind = "Linear";
      leaf.detail =
          "in " + std::to_string(view.shape[1]) + ", out " + std::to_string(view.shape[0]);
      break;
    case ModuleKind::embedding:
      leaf.kind = "Embedding";
      leaf.detail = std::to_string(view.shape[0]) + ", " + std::to_string(view.shape[1]);
      break;
    case ModuleKind::rms_norm:
    case ModuleKind::layer_norm:
      leaf.kind = parameter.kind == ModuleKind::layer_norm ? "LayerNorm" : "RMSNorm";
      leaf.detail = std::to_string(view.shape[0]) + ", eps " + number(parameter.eps);
      break;
    case ModuleKind::convolution:
      leaf.kind = "Conv";
      leaf.detail = "in " + std::to_string(view.shape[1]) + ", out " +
                    std::to_string(view.shape[0]) + ", taps " + std::to_string(view.shape[2]);
      break;
  }
  if (view.rows != nullptr) leaf.detail += ", quantised";
}

void count(Module& module) {
  for (Module& child : module.children) {
    count(child);
    module.num_parameters += child.num_parameters;
  }
}

bool is_index(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool same_inside(Module a, const Module& b) {
  a.name = b.name;
  return a == b;
}

// Layers that are alike become one entry "first-last".
void fold(Module& module) {
  std::vector<Module> folded;
  std::vector<std::string> first_names;
  const Module* original = nullptr;  // what the copies of folded.back() look like
  Module pattern;
  for (Module& child : module.children) {
    fold(child);
    if (original != nullptr && is_index(child.name) && same_inside(pattern, child)) {
      Module& run = folded.back();
      run.name = first_names.back() + "-" + child.name;
      run.num_parameters += child.num_parameters;
      ++run.num_copies;
      continue;
    }
    pattern = child;
    original = is_index(child.name) ? &pattern : nullptr;
    first_names.push_back(child.name);
    folded.push_back(std::move(child));
  }
  module.children = std::move(folded);
}

}  // namespace

Module make_module_tree(const ModelSpec& spec, const WeightMap& weights) {
  Module root;
  root.name = spec.architecture;
  for (const ParameterSpec& parameter : parameters_of(spec)) {
    add_parameter(root, parameter, weights.at(parameter.name));
  }
  if (spec.tied_embeddings && !spec.is_classifier()) {
    const std::string head = spec.names.lm_head;
    if (weights.head_is_embedding()) {
      Module& leaf = module_at(root, head);
      leaf.kind = "tied";
      leaf.detail = "to " + spec.names.embedding;
    } else {
      add_parameter(root, {head + ".weight", {}, ModuleKind::linear, 0.0},
                    weights.at(head + ".weight"));
    }
  }
  count(root);
  fold(root);
  return root;
}

}  // namespace hearth::engine
