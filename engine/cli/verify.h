// What a model folder lacks, and hearth inspect --verify: is it whole, and are its files those that
// were downloaded?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/checkpoint/file_checks.h"
#include "engine/checkpoint/model_spec.h"

namespace hearth::engine {

struct FolderReport {
  std::vector<FileCheck> files;        // those with a checksum
  std::vector<std::string> unchecked;  // names of the others that a model is made of
  std::uint64_t tensor_bytes = 0;
  std::vector<std::string> problems;  // a sentence each; empty: the folder is whole
};

// Reads every file that has a checksum, and opens every part of the folder. checked is called after
// each file.
FolderReport verify_folder(const std::filesystem::path& folder,
                           const std::function<void(const FileCheck&)>& checked = {});

// What such a model has beside its weights as a rule and this folder has not, and what is done
// instead: a sentence each.
std::vector<std::string> missing_parts(const std::filesystem::path& folder, const ModelSpec& spec);

}  // namespace hearth::engine
