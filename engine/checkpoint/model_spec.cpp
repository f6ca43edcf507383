#include "engine/checkpoint/model_spec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/checkpoint/config_reader.h"
#include "engine/checkpoint/config_warnings.h"
#include "engine/checkpoint/families/family.h"
#include "engine/checkpoint/quantization_config.h"

namespace hearth::engine {
namespace {

constexpr std::string_view kCausalLM = "ForCausalLM";
constexpr std::string_view kConditional = "ForConditionalGeneration";
constexpr std::string_view kClassifier = "ForSequenceClassification";

const std::array<const Family*, 12>& families() {
  static const std::array<const Family*, 12> all = {
      &kQwen2Family,  &kQwen3Family,   &kLlamaFamily,  &kMistralFamily,
      &kPhi3Family,   &kGemmaFamily,   &kGemma2Family, &kGemma3TextFamily,
      &kGemma3Family, &kChatGlmFamily, &kYuanFamily,   &kBertFamily};
  return all;
}

const Family* find_family(std::string_view model_type, std::string_view architecture) {
  for (const Family* family : families()) {
    if (family->model_type == model_type) return family;
  }
  for (const Family* family : families()) {
    const std::string prefix(family->architecture_prefix);
    for (const std::string_view suffix : {kCausalLM, kConditional, kClassifier}) {
      if (architecture == prefix + std::string(suffix)) return family;
    }
  }
  return nullptr;
}

Error unsupported(const ConfigReader& config, const std::string& what) {
  std::string known;
  for (const FamilyInfo& info : supported_families())
    known.append(known.empty() ? "" : ", ").append(info.model_type);
  return {
      ErrorCode::architecture_unsupported,
      config.where() + ": " + what + " is not supported; supported model types are " + known + "."};
}

std::optional<Dtype> read_stored_dtype(ConfigReader& config) {
  const std::string_view key = config.has("dtype") ? "dtype" : "torch_dtype";
  const std::string name = config.text(key, "");
  if (name == "float32") return Dtype::f32;
  if (name == "bfloat16") return Dtype::bf16;
  if (name == "float16") return Dtype::f16;
  return std::nullopt;
}

void read_labels(ConfigReader& config, ModelSpec& spec) {
  const auto names = config.object("id2label");
  const auto count = names ? static_cast<std::int64_t>(names->raw().size()) : 2;
  spec.num_labels = config.integer("num_labels", count, 1, 100'000);
  if (!names || count != spec.num_labels) return;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto it = names->raw().find(std::to_string(i));
    if (it == names->raw().end() || !it->is_string()) {
      config.report("id2label", "a name for every class from 0");
      return;
    }
    spec.labels.push_back(it->get<std::string>());
  }
}

ScoreKind read_score_kind(ConfigReader& config, const ModelSpec& spec) {
  const ScoreKind fallback = spec.num_labels == 1 ? ScoreKind::regression : ScoreKind::single_label;
  const std::string name = config.text("problem_type", "");
  if (name.empty()) return fallback;
  if (name == "single_label_classification") return ScoreKind::single_label;
  if (name == "multi_label_classification") return ScoreKind::multi_label;
  if (name == "regression") return ScoreKind::regression;
  config.report("problem_type", "regression, single_label_ or multi_label_classification");
  return fallback;
}

bool knows_architecture(const Family& family, const std::string& architecture) {
  const std::string prefix(family.architecture_prefix);
  return architecture.ends_with(kCausalLM) || architecture.ends_with(kClassifier) ||
         architecture.ends_with(kConditional) || architecture == prefix + "Model";
}

Result<ModelSpec> describe(ConfigReader config) {
  ModelSpec spec;
  spec.model_type = config.text("model_type", "");
  const std::vector<std::string> architectures = config.texts("architectures");
  spec.architecture = architectures.empty() ? "" : architectures.front();
  if (config.error()) return tl::unexpected(*config.error());

  const Family* family = find_family(spec.model_type, spec.architecture);
  if (family == nullptr) {
    const bool named = !spec.model_type.empty() || !spec.architecture.empty();
    return tl::unexpected(unsupported(
        config, named ? "model_type \"" + spec.model_type.substr(0, 80) + "\" (architecture \"" +
                            spec.architecture.substr(0, 80) + "\")"
                      : "a file that names neither model_type nor architectures"));
  }
  if (spec.architecture.empty()) {
    spec.architecture = std::string(family->architecture_prefix) + std::string(kCausalLM);
  }
  if (!knows_architecture(*family, spec.architecture)) {
    return tl::unexpected(
        unsupported(config, "architecture \"" + spec.architecture.substr(0, 80) + "\""));
  }
  spec.stored_dtype = read_stored_dtype(config);
  spec.bos_token_ids = config.token_ids("bos_token_id");
  spec.eos_token_ids = config.token_ids("eos_token_id");
  if (spec.architecture.ends_with(kClassifier)) {
    read_labels(config, spec);
    spec.scores = read_score_kind(config, spec);
  }
  spec.quantization = read_quantization(config);
  family->describe(config, spec);
  if (spec.local_rope.dim > 0) {
    for (LayerSpec& layer : spec.layers) layer.local_rope = layer.window > 0;
  }
  if (config.error()) return tl::unexpected(*config.error());
  spec.warnings = warn_of_unread_keys(config);
  if (spec.modules.empty()) list_decoder_modules(spec);
  return spec;
}

}  // namespace

std::vector<FamilyInfo> supported_families() {
  std::vector<FamilyInfo> infos;
  for (const Family* family : families()) {
    infos.push_back(
        {family->model_type, family->architecture_prefix, family->models, family->source});
  }
  return infos;
}

Result<ModelSpec> parse_model_spec(const std::string& json, const std::string& where) {
  auto config = ConfigReader::parse(json, where);
  if (!config) return tl::unexpected(std::move(config.error()));
  return describe(std::move(*config));
}

Result<ModelSpec> load_model_spec(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return fail(ErrorCode::folder_not_found, folder.string() + " is not a folder.");
  }
  auto config = ConfigReader::load(folder / "config.json");
  if (!config) return tl::unexpected(std::move(config.error()));
  return describe(std::move(*config));
}

std::int64_t planned_context(const ModelSpec& spec, std::int64_t asked) {
  if (asked > 0) return std::min(asked, spec.context_length);
  const bool is_longrope = spec.rope.kind == RopeKind::longrope;
  return is_longrope ? std::min(spec.rope.original_max_position, spec.context_length)
                     : spec.context_length;
}

std::int64_t kv_bytes_per_token(const ModelSpec& spec, std::int64_t bytes_per_element) {
  if (spec.network == Network::bert) return 0;  // nothing is continued
  return 2 * spec.num_layers * spec.num_kv_heads * spec.head_dim * bytes_per_element;
}

}  // namespace hearth::engine
