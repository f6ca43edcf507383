#include "server/cli/served_model.h"

#include <array>
#include <fstream>
#include <span>
#include <sstream>
#include <utility>

#include "engine/checkpoint/pooling.h"
#include "server/session/crypto.h"
#include "server/session/thought.h"

namespace hearth::server {
namespace {

// What a stored reply was made with: the same value means the same numbers.
std::string fingerprint(const engine::ModelFolder& folder, const std::string& description) {
  std::ostringstream facts;
  facts << std::ifstream(folder.path / "config.json").rdbuf() << '\n'
        << folder.checkpoint->weight_bytes() << '\n';
  for (const std::string& file : folder.checkpoint->files()) facts << file << '\n';
  facts << description;
  const Sha256 hash = sha256(facts.str());
  return "fp_" + to_hex(std::span(hash).first(8));
}

}  // namespace

std::string abilities(const ModelInfo& info) {
  if (info.classes.count > 0) return "classifies texts at POST /classify";
  if (!info.writes) return "embeds texts at POST /v1/embeddings";
  return info.chat_template ? "chats" : "continues texts; it has no chat template";
}

std::shared_ptr<const ModelInfo> make_model_info(const engine::ModelFolder& folder,
                                                 const std::string& name,
                                                 const engine::RunnerTraits& traits) {
  ModelInfo info;
  info.id = name;
  info.name = name;
  info.context_length = traits.context_length;
  info.eos_ids = folder.generation.eos_token_ids;
  info.defaults = folder.generation.sampling;
  info.max_new_tokens = folder.generation.max_new_tokens;
  info.decoder = traits.description;
  info.fingerprint = fingerprint(folder, traits.description);
  info.tokenizer = folder.tokenizer;
  info.writes = !folder.spec.is_classifier() && folder.spec.network != engine::Network::bert;
  if (info.writes) info.chat_template = folder.chat_template;
  const engine::PoolingRule pooling = engine::load_pooling(folder.path, folder.spec);
  info.embedding = {pooling.state, pooling.is_normalized, folder.spec.hidden_size, pooling.refusal};
  info.classes = {folder.spec.num_labels, folder.spec.labels, folder.spec.scores};
  info.thoughts = thought_rule(*folder.tokenizer);
  return std::make_shared<const ModelInfo>(std::move(info));
}

LoadFacts load_facts(const engine::ModelFolder& folder, const std::string& name,
                     const engine::RunnerChoice& choice) {
  LoadFacts facts;
  facts.model = name;
  facts.files_ms = folder.files_ms;
  facts.text_ms = folder.text_ms;
  facts.vocabulary = static_cast<std::int64_t>(folder.tokenizer->vocab_size());
  facts.weight_bytes = folder.checkpoint->weight_bytes();
  for (const auto& [dtype_name, dtype] : engine::kDtypeNames) {
    if (dtype == choice.dtype && dtype != engine::ComputeDtype::automatic) facts.dtype = dtype_name;
  }
  return facts;
}

Result<std::filesystem::path> demo_folder() {
  std::error_code ec;
  const std::filesystem::path here =
      std::filesystem::read_symlink("/proc/self/exe", ec).parent_path();
  const std::array places = {here / "../../configs/models/demo",
                             here / "../share/hearth/models/demo", here / "configs/models/demo"};
  for (const std::filesystem::path& place : places) {
    if (std::filesystem::exists(place / "config.json", ec))
      return std::filesystem::weakly_canonical(place, ec);
  }
  return fail(ErrorCode::folder_not_found,
              "The demo model is not beside this program; name a model folder with --model.");
}

std::string folder_name(const std::filesystem::path& path) {
  std::error_code ec;
  const std::filesystem::path full = std::filesystem::weakly_canonical(path, ec);
  const std::string name =
      full.filename().empty() ? full.parent_path().filename() : full.filename();
  return name.empty() ? "model" : name;
}

}  // namespace hearth::server
