#include "engine/cli/verify.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

// What is wrong with one file, if anything.
std::optional<std::string> problem_of(const fs::path& folder, const FileCheck& check) {
  const std::string path = (folder / check.expected.file).string();
  switch (check.state) {
    case FileCheck::State::same:
      return std::nullopt;
    case FileCheck::State::differs:
      return path + " is not what " + check.expected.source +
             " says: it is damaged, or has been changed since.";
    case FileCheck::State::missing:
      return path + " is missing; " + check.expected.source + " names it.";
    case FileCheck::State::unreadable:
      return path + " cannot be read.";
  }
  return std::nullopt;
}

std::vector<std::string> files_without_checksum(const fs::path& folder,
                                                const std::vector<FileCheck>& checks) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::string kind = entry.path().extension().string();
    const bool is_part = kind == ".json" || kind == ".safetensors" || kind == ".bin" ||
                         kind == ".model" || name == "vocab.txt" || name == "merges.txt";
    const bool is_checked = std::any_of(checks.begin(), checks.end(), [&](const FileCheck& check) {
      return check.expected.file == name;
    });
    if (is_part && !is_checked) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

FolderReport verify_folder(const fs::path& folder,
                           const std::function<void(const FileCheck&)>& checked) {
  FolderReport report;
  for (const std::string& name : unfinished_downloads(folder)) {
    report.problems.push_back((folder / name).string() + " is a download that has not ended.");
  }
  for (const ExpectedDigest& expected : expected_digests(folder)) {
    report.files.push_back(check_file(folder, expected));
    if (checked) checked(report.files.back());
    if (auto problem = problem_of(folder, report.files.back())) report.problems.push_back(*problem);
  }
  report.unchecked = files_without_checksum(folder, report.files);

  const auto spec = load_model_spec(folder);
  if (!spec) report.problems.push_back(spec.error().detail);
  const auto checkpoint = Checkpoint::open(folder);
  if (!checkpoint) {
    report.problems.push_back(checkpoint.error().detail);
  } else {
    report.tensor_bytes = checkpoint->weight_bytes();
    if (spec) {
      const auto weights = WeightMap::match(*checkpoint, *spec);
      if (!weights) report.problems.push_back(weights.error().detail);
    }
  }
  const auto tokenizer = Tokenizer::load(folder);
  if (!tokenizer) report.problems.push_back(tokenizer.error().detail);
  return report;
}

std::vector<std::string> missing_parts(const fs::path& folder, const ModelSpec& spec) {
  std::vector<std::string> sentences;
  if (const auto tokenizer = Tokenizer::load(folder); !tokenizer) {
    sentences.push_back(tokenizer.error().detail);
  }
  if (spec.is_classifier() || spec.network == Network::bert) return sentences;
  const auto form = ChatTemplate::load(folder);
  if (!form && form.error().code == ErrorCode::file_missing) {
    sentences.push_back("The folder has no chat template, and for " + spec.model_type +
                        " none is built in: it completes texts and cannot chat.");
  } else if (!form) {
    sentences.push_back(form.error().detail);
  } else if ((*form)->source().starts_with("built-in")) {
    sentences.push_back("The folder has no chat template; the " + (*form)->source() + " is used.");
  }
  std::error_code ignored;
  if (!fs::exists(folder / "generation_config.json", ignored)) {
    sentences.push_back(
        "The folder has no generation_config.json; replies end where config.json says, and are "
        "sampled as transformers does by default.");
  }
  return sentences;
}

}  // namespace hearth::engine
