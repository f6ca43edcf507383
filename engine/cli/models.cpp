#include "engine/cli/models.h"

#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/model_spec.h"

namespace hearth::engine {
namespace {

void print_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const FamilyInfo& info : supported_families()) {
    list.push_back({{"model_type", info.model_type},
                    {"architecture_prefix", info.architecture_prefix},
                    {"models", info.models},
                    {"source", info.source}});
  }
  std::cout << list.dump(2) << '\n';
}

void print_text() {
  std::cout << std::left << std::setw(14) << "model_type"
            << "models, a folder of them, and whose mathematics Hearth follows\n";
  for (const FamilyInfo& info : supported_families()) {
    std::cout << std::setw(14) << info.model_type << info.models << '\n'
              << std::setw(14) << "" << info.source << '\n';
  }
  std::cout
      << "\nA family is recognised by model_type in config.json. Weights: safetensors or "
         "pytorch_model*.bin, one file or\nshards, in fp32, bf16 or fp16; GPTQ (2, 4, 8 bits), "
         "AWQ (4 bits), FP8 and bitsandbytes int8 are dequantised\nwhile they load. "
         "…ForSequenceClassification folders run with hearth classify.\n";
}

}  // namespace

void add_models_command(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* const command = app.add_subcommand("models", "The families of models that can be run");
  command->add_flag("--json", *json, "Print JSON");
  command->callback([json] { *json ? print_json() : print_text(); });
}

}  // namespace hearth::engine
