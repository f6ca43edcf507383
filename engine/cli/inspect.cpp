#include "engine/cli/inspect.h"

#include <cstdio>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_json.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/module_tree.h"
#include "engine/checkpoint/tensor_values.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/cli/fit.h"
#include "engine/cli/flags.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownValues = 64;

struct InspectOptions {
  std::string model;
  std::string tensor;
  bool json = false;
  bool fit = false;
};

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

// 494032768 → "494,032,768".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string megabytes(double bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << bytes / 1e6 << " MB";
  return text.str();
}

// Bytes of all parameters. The packed forms keep vectors and scales wider; theirs are estimates
// of 8.5 and 4.5 bits a weight.
std::vector<std::pair<std::string, double>> memory_by_dtype(const WeightMap& weights) {
  const auto count = static_cast<double>(weights.num_parameters());
  return {{"fp32", 4.0 * count},
          {"bf16", 2.0 * count},
          {"fp16", 2.0 * count},
          {"int8", 8.5 / 8.0 * count},
          {"int4", 4.5 / 8.0 * count}};
}

void add_module_counts(const Module& module, const std::string& path, Json& counts) {
  for (const Module& child : module.children) {
    const std::string name = path.empty() ? child.name : path + "." + child.name;
    counts[name] = child.num_parameters;
    add_module_counts(child, name, counts);
  }
}

// What the folder holds, read once.
struct Contents {
  ModelSpec spec;
  Checkpoint checkpoint;
  WeightMap weights;
  Module tree;
  std::map<std::string, std::uint64_t> bytes_by_dtype;

  std::vector<std::string> warnings() const {
    std::vector<std::string> all = spec.warnings;
    all.insert(all.end(), weights.warnings().begin(), weights.warnings().end());
    return all;
  }
};

void print_json(const Contents& contents) {
  Json counts = Json::object();
  add_module_counts(contents.tree, "", counts);
  Json memory = Json::object();
  for (const auto& [dtype, bytes] : memory_by_dtype(contents.weights)) {
    memory[dtype] = static_cast<std::uint64_t>(bytes);
  }
  const Json json = {
      {"spec", to_json(contents.spec)},
      {"tree", to_json(contents.tree)},
      {"parameters", {{"total", contents.weights.num_parameters()}, {"modules", counts}}},
      {"dtypes", contents.bytes_by_dtype},
      {"memory", memory},
      {"kv_bytes_per_token",
       {{"fp32", kv_bytes_per_token(contents.spec, 4)},
        {"bf16", kv_bytes_per_token(contents.spec, 2)}}},
      {"files", contents.checkpoint.files()},
      {"warnings", contents.warnings()}};
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void print_tree(const Module& module, int depth) {
  std::string line(static_cast<std::size_t>(2 * depth), ' ');
  line += module.name;
  if (module.num_copies > 1) line += "  (" + std::to_string(module.num_copies) + " alike)";
  if (!module.kind.empty()) line += "  " + module.kind + "(" + module.detail + ")";
  std::cout << std::left << std::setw(58) << line << std::right << std::setw(16)
            << grouped(module.num_parameters);
  if (!module.dtype.empty()) std::cout << "  " << module.dtype;
  std::cout << '\n';
  for (const Module& child : module.children) print_tree(child, depth + 1);
}

void print_text(const Contents& contents) {
  const ModelSpec& spec = contents.spec;
  print_tree(contents.tree, 0);
  std::cout << "\nparameters  " << grouped(contents.weights.num_parameters());
  if (spec.tied_embeddings) std::cout << "  (lm_head is the embedding and counted once)";
  std::cout << "\nstored as  ";
  for (const auto& [dtype, bytes] : contents.bytes_by_dtype) {
    std::cout << ' ' << dtype << ' ' << megabytes(static_cast<double>(bytes));
  }
  std::cout << "\nin memory  ";
  for (const auto& [dtype, bytes] : memory_by_dtype(contents.weights)) {
    const bool is_estimate = dtype.starts_with("int");
    std::cout << ' ' << dtype << (is_estimate ? " about " : " ") << megabytes(bytes);
  }
  std::cout << "\nKV cache    " << grouped(static_cast<std::uint64_t>(kv_bytes_per_token(spec, 2)))
            << " bytes per token in bf16, context " << spec.context_length << '\n';
  for (const std::string& warning : contents.warnings()) std::cout << warning << '\n';
}

void show_tensor(const InspectOptions& options, const Checkpoint& checkpoint) {
  const TensorView* view = checkpoint.find(options.tensor);
  if (view == nullptr) {
    give_up({ErrorCode::tensor_missing,
             options.model + " has no tensor \"" + options.tensor + "\"; the first of its " +
                 std::to_string(checkpoint.tensors().size()) + " is \"" +
                 (checkpoint.tensors().empty() ? "" : checkpoint.tensors().front().name) + "\"."});
  }
  const TensorSummary summary = value_of(summarise(*view, kShownValues));
  if (options.json) {
    const Json json = {{"name", options.tensor},
                       {"dtype", name_of(view->dtype)},
                       {"shape", view->shape},
                       {"bytes", view->bytes.size()},
                       {"min", summary.min},
                       {"max", summary.max},
                       {"mean", summary.mean},
                       {"std", summary.standard_deviation},
                       {"num_not_finite", summary.num_not_finite},
                       {"values", summary.first}};
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << options.tensor << "  " << name_of(view->dtype) << ' ' << format_shape(view->shape)
            << "  " << grouped(view->bytes.size()) << " bytes\nmin " << summary.min << "  max "
            << summary.max << "  mean " << summary.mean << "  std " << summary.standard_deviation
            << "  not finite " << summary.num_not_finite << '\n';
  for (std::size_t i = 0; i < summary.first.size(); ++i) {
    std::cout << std::setw(14) << summary.first[i] << ((i + 1) % 8 == 0 ? "\n" : "");
  }
  const auto shown = static_cast<std::int64_t>(summary.first.size());
  if (shown % 8 != 0) std::cout << '\n';
  if (shown < view->num_elements()) {
    std::cout << "… " << view->num_elements() - shown << " more\n";
  }
}

void show_fit(const InspectOptions& options, const Contents& contents) {
  const MachineMemory machine = measure_memory();
  const auto rows = fit_rows(contents.spec, contents.weights.num_parameters(), machine);
  if (options.json) {
    Json json = {{"available_bytes", machine.available_bytes}, {"gb_per_s", machine.gb_per_s}};
    for (const FitRow& row : rows) {
      json["dtypes"].push_back({{"dtype", row.dtype},
                                {"decoder", row.decoder},
                                {"weight_bytes", row.weight_bytes},
                                {"fits", row.fits},
                                {"kv_tokens", row.kv_tokens},
                                {"tokens_per_s", row.tokens_per_s}});
    }
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << megabytes(static_cast<double>(machine.available_bytes))
            << " of memory are free, read at " << std::fixed << std::setprecision(1)
            << machine.gb_per_s << " GB/s\n";
  for (const FitRow& row : rows) {
    std::cout << std::left << std::setw(6) << row.dtype << std::setw(20) << row.decoder
              << std::right << std::setw(12) << megabytes(static_cast<double>(row.weight_bytes))
              << (row.fits ? "  fits" : "  too large");
    if (row.kv_tokens > 0) {
      std::cout << ", room for " << grouped(static_cast<std::uint64_t>(row.kv_tokens))
                << " tokens of conversation";
    }
    if (row.fits && row.tokens_per_s > 0.0) {
      std::cout << ", about " << std::setprecision(0) << row.tokens_per_s << " tokens/s at most";
    }
    std::cout << '\n';
  }
}

void inspect(const InspectOptions& options) {
  if (!options.tensor.empty()) {
    show_tensor(options, value_of(Checkpoint::open(options.model)));
    return;
  }
  ModelSpec spec = value_of(load_model_spec(options.model));
  Checkpoint checkpoint = value_of(Checkpoint::open(options.model));
  WeightMap weights = value_of(WeightMap::match(checkpoint, spec));
  Module tree = make_module_tree(spec, weights);
  Contents contents{
      std::move(spec), std::move(checkpoint), std::move(weights), std::move(tree), {}};
  for (const NamedTensor& tensor : contents.checkpoint.tensors()) {
    contents.bytes_by_dtype[std::string(name_of(tensor.view.dtype))] += tensor.view.bytes.size();
  }
  if (options.fit) return show_fit(options, contents);
  options.json ? print_json(contents) : print_text(contents);
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* const command = app.add_subcommand(
      "inspect", "The module tree of a model folder, its parameters, dtypes and memory");
  command->add_option("--model", options->model, "Model folder")->required();
  command->add_option("--tensor", options->tensor,
                      "Show one tensor's values, by its checkpoint name");
  command->add_flag("--json", options->json, "Print JSON");
  command->add_flag("--fit", options->fit,
                    "Which dtypes this machine can hold, and about how fast each would be");
  command->callback([options] { inspect(*options); });
}

}  // namespace hearth::engine
