#include "engine/cli/inspect.h"

#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_json.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/module_tree.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/cli/devices.h"
#include "engine/cli/fit.h"
#include "engine/cli/flags.h"
#include "engine/cli/inspect_tensor.h"
#include "engine/cli/verify.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  std::string tensor;
  bool json = false;
  bool fit = false;
  bool verify = false;
  std::string devices;
};

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
  std::vector<PlacementDevice> devices;
  PlacementReport placement;
  std::vector<std::string> lacks;

  std::vector<std::string> warnings() const {
    std::vector<std::string> all = spec.warnings;
    all.insert(all.end(), weights.warnings().begin(), weights.warnings().end());
    return all;
  }
};

Json placement_json(const Contents& contents) {
  const PlacementReport& report = contents.placement;
  Json json = {{"fits", report.fits}, {"text", report.text}, {"cache_tokens", report.cache_tokens}};
  for (const PlacementDevice& device : contents.devices) {
    json["devices"].push_back({{"name", device.name},
                               {"free_bytes", device.free_bytes},
                               {"element_bytes", device.element_bytes}});
  }
  if (!report.fits) return json;
  json["embedding"] = report.placement.embedding;
  json["layers"] = report.placement.layers;
  json["tail"] = report.placement.tail;
  return json;
}

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
      {"placement", placement_json(contents)},
      {"files", contents.checkpoint.files()},
      {"lacks", contents.lacks},
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
    std::cout << ' ' << dtype << ' ' << size_text(static_cast<double>(bytes));
  }
  std::cout << "\nin memory  ";
  for (const auto& [dtype, bytes] : memory_by_dtype(contents.weights)) {
    const bool is_estimate = dtype.starts_with("int");
    std::cout << ' ' << dtype << (is_estimate ? " about " : " ") << size_text(bytes);
  }
  std::cout << "\nKV cache    " << grouped(static_cast<std::uint64_t>(kv_bytes_per_token(spec, 2)))
            << " bytes per token in bf16, context " << spec.context_length << "\nplacement   "
            << contents.placement.text << ", with "
            << grouped(static_cast<std::uint64_t>(contents.placement.cache_tokens))
            << " tokens of conversation\n";
  for (const std::string& sentence : contents.lacks) std::cout << sentence << '\n';
  for (const std::string& warning : contents.warnings()) std::cout << warning << '\n';
}

std::string state_of(const FileCheck& check) {
  switch (check.state) {
    case FileCheck::State::same:
      return "as " + check.expected.source + " says";
    case FileCheck::State::differs:
      return "NOT what " + check.expected.source + " says";
    case FileCheck::State::missing:
      return "MISSING, named by " + check.expected.source;
    case FileCheck::State::unreadable:
      return "CANNOT BE READ";
  }
  return "";
}

void print_check(const FileCheck& check) {
  std::cout << std::left << std::setw(44) << check.expected.file << std::right << std::setw(14)
            << size_text(static_cast<double>(check.bytes)) << "  " << state_of(check) << std::endl;
}

std::string checksums(std::size_t count) {
  if (count == 0) return "no checksums to compare with";
  return std::to_string(count) + (count == 1 ? " checksum is right" : " checksums are right");
}

// Ends with exit code 1 when something is wrong.
void verify(const InspectOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.model, ignored)) {
    give_up({ErrorCode::folder_not_found, options.model + " is not a folder."});
  }
  const FolderReport report =
      options.json ? verify_folder(options.model) : verify_folder(options.model, print_check);
  if (options.json) {
    Json json = {{"problems", report.problems}, {"unchecked", report.unchecked}};
    json["files"] = Json::array();
    for (const FileCheck& check : report.files) {
      json["files"].push_back({{"file", check.expected.file},
                               {"bytes", check.bytes},
                               {"same", check.state == FileCheck::State::same},
                               {"source", check.expected.source}});
    }
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    for (const std::string& name : report.unchecked) std::cout << name << ": no checksum\n";
    for (const std::string& problem : report.problems) std::cout << problem << '\n';
    if (report.problems.empty()) {
      std::cout << "The folder is whole: " << size_text(static_cast<double>(report.tensor_bytes))
                << " of tensors where the headers and the index say, "
                << checksums(report.files.size()) << ".\n";
    }
  }
  if (report.problems.empty()) return;
  give_up({ErrorCode::weights_invalid,
           options.model + " cannot be trusted: " + std::to_string(report.problems.size()) +
               (report.problems.size() == 1 ? " thing is wrong." : " things are wrong.")});
}

void inspect(const InspectOptions& options) {
  if (options.verify) return verify(options);
  if (!options.tensor.empty()) return show_tensor(options.model, options.tensor, options.json);
  ModelSpec spec = value_of(load_model_spec(options.model));
  Checkpoint checkpoint = value_of(Checkpoint::open(options.model));
  WeightMap weights = value_of(WeightMap::match(checkpoint, spec));
  Module tree = make_module_tree(spec, weights);
  Contents contents{
      std::move(spec), std::move(checkpoint), std::move(weights), std::move(tree), {}, {}, {}, {}};
  contents.devices = value_of(devices_for(options.devices, contents.spec));
  contents.placement = plan_placement(contents.spec, contents.weights, contents.devices);
  for (const NamedTensor& tensor : contents.checkpoint.tensors()) {
    contents.bytes_by_dtype[std::string(name_of(tensor.view.dtype))] += tensor.view.bytes.size();
  }
  contents.lacks = missing_parts(options.model, contents.spec);
  if (options.fit) {
    return print_fit(contents.spec, contents.weights.num_parameters(), options.json);
  }
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
  command->add_flag(
      "--verify", options->verify,
      "Compare the files with the checksums that came with them, and open every part");
  command->add_option("--devices", options->devices,
                      "Plan for another machine: cuda:0=24G,cuda:1=24G,cpu=64G of free memory");
  command->callback([options] { inspect(*options); });
}

}  // namespace hearth::engine
