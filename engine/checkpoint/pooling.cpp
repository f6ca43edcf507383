#include "engine/checkpoint/pooling.h"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace hearth::engine {
namespace {

using nlohmann::json;

constexpr std::size_t kFileMax = 1 << 20;

// Discarded when the file is there and is no JSON; nullopt when it is not there.
std::optional<json> read_json(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kFileMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return json::parse(text, nullptr, false);
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

PoolingRule refused(const std::string& what) {
  PoolingRule rule;
  rule.refusal = "The model's folder asks for " + what + ", which Hearth does not do.";
  return rule;
}

// "pooling_mode_mean_tokens": true in older files, "pooling_mode": "mean" in newer ones.
PoolingRule read_pooling(const json& config, bool is_normalized) {
  static constexpr std::array<std::pair<std::string_view, RequestOutput>, 3> kModes = {
      {{"cls", RequestOutput::first_state},
       {"mean", RequestOutput::mean_state},
       {"lasttoken", RequestOutput::last_state}}};
  std::string mode = text_at(config, "pooling_mode");
  if (mode.empty() && config.is_object()) {
    for (const auto& [key, value] : config.items()) {
      constexpr std::string_view kPrefix = "pooling_mode_";
      if (!key.starts_with(kPrefix) || value != true) continue;
      if (!mode.empty()) return refused("several kinds of pooling at once");
      mode = key.substr(kPrefix.size());
      if (mode.ends_with("_tokens") || mode.ends_with("_token")) mode.resize(mode.rfind('_'));
    }
  }
  for (const auto& [name, state] : kModes) {
    if (mode == name) return {state, is_normalized, {}};
  }
  return refused("the pooling \"" + mode.substr(0, 40) + "\"");
}

// modules.json: [{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}, …].
PoolingRule read_modules(const std::filesystem::path& folder, const json& modules) {
  bool is_normalized = false;
  std::optional<std::string> pooling;
  if (!modules.is_array()) return refused("modules.json without a list");
  for (const json& module : modules) {
    const std::string type = text_at(module, "type");
    const std::string name = type.substr(type.rfind('.') + 1);
    if (name == "Pooling") {
      pooling = text_at(module, "path");
    } else if (name == "Normalize") {
      is_normalized = true;
    } else if (name != "Transformer") {
      return refused("the module \"" + name.substr(0, 40) + "\"");
    }
  }
  const bool is_inside = pooling && pooling->find('/') == std::string::npos && *pooling != "..";
  if (!is_inside) return refused("no pooling");
  const auto config = read_json(folder / *pooling / "config.json");
  return config ? read_pooling(*config, is_normalized) : refused("a pooling that is not there");
}

}  // namespace

PoolingRule load_pooling(const std::filesystem::path& folder, const ModelSpec& spec) {
  if (spec.is_classifier()) {
    PoolingRule rule;
    rule.refusal = "The model is a classifier; POST /classify asks it.";
    return rule;
  }
  if (const auto modules = read_json(folder / "modules.json"))
    return read_modules(folder, *modules);
  if (const auto config = read_json(folder / "1_Pooling" / "config.json"))
    return read_pooling(*config, true);
  const bool is_encoder = spec.network == Network::bert;
  return {is_encoder ? RequestOutput::mean_state : RequestOutput::last_state, true, {}};
}

}  // namespace hearth::engine
