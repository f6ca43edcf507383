// The directory of a zip file whose records are stored uncompressed, as torch.save writes them.
//
// Goals: find every record's bytes without reading them, trust nothing, never read past the file.
// Non-goals: compression, encryption, archives in several files, checksums (13 GB of them).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"

namespace hearth::engine {

struct ZipRecord {
  std::string name;
  std::span<const std::byte> bytes;
};

struct ZipLimits {
  static constexpr std::size_t kRecordsMax = 1'000'000;
  static constexpr std::size_t kNameBytesMax = 4096;
};

// True when the bytes begin as a zip file does.
bool is_zip(std::span<const std::byte> file);

// In the directory's order. The records point into `file`, which must outlive them; they do not
// overlap. `where` names the file in errors. Errors: weights_invalid.
Result<std::vector<ZipRecord>> read_zip_directory(std::span<const std::byte> file,
                                                  const std::string& where);

}  // namespace hearth::engine
