// hearth inspect --verify: is the folder whole, and are its files those that were downloaded?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/checkpoint/file_checks.h"

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

}  // namespace hearth::engine
