// What a model folder says of its own files: checksums that a download left behind, and downloads
// that never ended.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/checkpoint/digest.h"

namespace hearth::engine {

struct ExpectedDigest {
  std::string file;  // relative to the folder
  std::string hex;   // lower case
  DigestKind kind = DigestKind::sha256;
  std::string source;  // "SHA256SUMS"
};

// From SHA256SUMS and the like, NAME.sha256, the notes of huggingface_hub
// (.cache/huggingface/download: the file's etag) and the names that its cache gives to blobs (a
// link's target). One for each file.
std::vector<ExpectedDigest> expected_digests(const std::filesystem::path& folder);

// Names of files that a download has begun and not ended, relative to the folder.
std::vector<std::string> unfinished_downloads(const std::filesystem::path& folder);

struct FileCheck {
  enum class State : std::uint8_t { same, differs, missing, unreadable };
  ExpectedDigest expected;
  State state = State::same;
  std::uint64_t bytes = 0;
};

// Reads every file that has a checksum, some hundred MB a second.
FileCheck check_file(const std::filesystem::path& folder, const ExpectedDigest& expected);

}  // namespace hearth::engine
