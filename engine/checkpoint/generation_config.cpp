#include "engine/checkpoint/generation_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "engine/checkpoint/config_reader.h"

namespace hearth::engine {
namespace {

// Keys that are read elsewhere, or that mean nothing to a server that streams one reply.
constexpr std::array<std::string_view, 19> kSilentKeys = {"transformers_version",
                                                          "_from_model_config",
                                                          "use_cache",
                                                          "pad_token_id",
                                                          "bos_token_id",
                                                          "eos_token_id",
                                                          "decoder_start_token_id",
                                                          "return_dict_in_generate",
                                                          "output_attentions",
                                                          "output_hidden_states",
                                                          "output_scores",
                                                          "output_logits",
                                                          "max_length",
                                                          "max_new_tokens",
                                                          "num_return_sequences",
                                                          "early_stopping",
                                                          "cache_implementation",
                                                          "chat_format",
                                                          "num_beams"};

void read_integer(ConfigReader& config, std::string_view key, std::optional<std::int64_t>& out) {
  if (config.has(key)) out = config.integer(key, 0, 0);
}

void read_number(ConfigReader& config, std::string_view key, std::optional<double>& out) {
  // Ranges are resolve()'s business: the sentence there names the range.
  if (config.has(key)) out = config.number(key, 0.0, -1e18);
}

void read_bad_words(ConfigReader& config, SamplingOverrides& sampling) {
  if (!config.has("bad_words_ids")) return;
  std::vector<std::vector<TokenId>> words;
  const auto& list = config.raw().at("bad_words_ids");
  if (list.is_array()) {
    for (const auto& word : list) {
      if (!word.is_array()) break;
      auto one = ConfigReader::parse(nlohmann::json{{"ids", word}}.dump(), config.where());
      words.push_back(one->token_ids("ids"));
      if (one->error() || words.back().empty()) break;
    }
  }
  if (!list.is_array() || words.size() != list.size()) {
    config.report("bad_words_ids", "a list of lists of token ids");
    return;
  }
  sampling.bad_words_ids = std::move(words);
}

void read_id_list(ConfigReader& config, std::string_view key,
                  std::optional<std::vector<TokenId>>& out) {
  if (config.has(key)) out = config.token_ids(key);
}

// Reads the sampling settings and takes their keys off `unknown`.
class SamplingReader {
 public:
  SamplingReader(ConfigReader& config, SamplingOverrides& sampling)
      : config_(config), sampling_(sampling) {}

  void read() {
    if (config_.has("do_sample")) sampling_.do_sample = config_.boolean("do_sample", false);
    for (const auto& [key, field] : numbers()) read_number(config_, key, sampling_.*field);
    for (const auto& [key, field] : integers()) read_integer(config_, key, sampling_.*field);
    read_bad_words(config_, sampling_);
    read_id_list(config_, "suppress_tokens", sampling_.suppress_tokens);
    read_id_list(config_, "begin_suppress_tokens", sampling_.begin_suppress_tokens);
  }

  static bool knows(std::string_view key) {
    const auto named = [&](const auto& entry) { return entry.first == key; };
    return std::any_of(numbers().begin(), numbers().end(), named) ||
           std::any_of(integers().begin(), integers().end(), named) || key == "do_sample" ||
           key == "bad_words_ids" || key == "suppress_tokens" || key == "begin_suppress_tokens";
  }

 private:
  using Number = std::pair<std::string_view, std::optional<double> SamplingOverrides::*>;
  using Integer = std::pair<std::string_view, std::optional<std::int64_t> SamplingOverrides::*>;

  static const std::array<Number, 8>& numbers() {
    static const std::array<Number, 8> fields = {{
        {"temperature", &SamplingOverrides::temperature},
        {"top_p", &SamplingOverrides::top_p},
        {"min_p", &SamplingOverrides::min_p},
        {"typical_p", &SamplingOverrides::typical_p},
        {"epsilon_cutoff", &SamplingOverrides::epsilon_cutoff},
        {"eta_cutoff", &SamplingOverrides::eta_cutoff},
        {"repetition_penalty", &SamplingOverrides::repetition_penalty},
        {"presence_penalty", &SamplingOverrides::presence_penalty},
    }};
    return fields;
  }

  static const std::array<Integer, 3>& integers() {
    static const std::array<Integer, 3> fields = {{
        {"top_k", &SamplingOverrides::top_k},
        {"no_repeat_ngram_size", &SamplingOverrides::no_repeat_ngram_size},
        {"min_new_tokens", &SamplingOverrides::min_new_tokens},
    }};
    return fields;
  }

  ConfigReader& config_;
  SamplingOverrides& sampling_;
};

void warn_of_unknown_keys(const ConfigReader& config, GenerationConfig& result) {
  for (const auto& [key, value] : config.raw().items()) {
    const bool is_silent =
        std::find(kSilentKeys.begin(), kSilentKeys.end(), key) != kSilentKeys.end();
    if (value.is_null() || is_silent || SamplingReader::knows(key)) continue;
    result.warnings.push_back(config.where() + ": the key \"" + key.substr(0, 80) +
                              "\" is not honoured.");
  }
  if (const auto it = config.raw().find("num_beams"); it != config.raw().end() && *it != 1) {
    result.warnings.push_back(config.where() + ": beam search is not supported; one beam is used.");
  }
}

void read_lengths(ConfigReader& config, GenerationConfig& result) {
  if (config.has("max_new_tokens")) result.max_new_tokens = config.integer("max_new_tokens", 1);
  if (config.has("max_length")) result.max_length = config.integer("max_length", 1);
}

}  // namespace

Result<GenerationConfig> load_generation_config(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return fail(ErrorCode::folder_not_found, folder.string() + " is not a folder.");
  }
  auto model = ConfigReader::load(folder / "config.json");
  if (!model) return tl::unexpected(std::move(model.error()));

  GenerationConfig result;
  result.from_file = std::filesystem::exists(folder / "generation_config.json", ignored);
  auto config = result.from_file ? ConfigReader::load(folder / "generation_config.json") : model;
  if (!config) return tl::unexpected(std::move(config.error()));

  SamplingReader(*config, result.sampling).read();
  result.eos_token_ids = config->token_ids("eos_token_id");
  result.bos_token_ids = config->token_ids("bos_token_id");
  if (const auto pad = config->token_ids("pad_token_id"); !pad.empty()) {
    result.pad_token_id = pad.front();
  }
  if (result.from_file) {
    read_lengths(*config, result);
    warn_of_unknown_keys(*config, result);
    for (const TokenId id : model->token_ids("eos_token_id")) {
      auto& ids = result.eos_token_ids;
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    config->adopt(*model);
  }
  if (config->error()) return tl::unexpected(*config->error());
  return result;
}

}  // namespace hearth::engine
