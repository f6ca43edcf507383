// A whole file in memory, read-only, without reading it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "engine/base/error.h"

namespace hearth::engine {

// Movable; unmaps when it goes. The bytes are immutable as long as nobody changes the file.
class MappedFile {
 public:
  // Errors: file_missing (does not exist), io_error (no regular file, no permission, no address
  // space).
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;  // empty for an empty file, which is not mapped
};

// Asks the kernel to read these bytes ahead, in the background.
void prefetch_pages(std::span<const std::byte> bytes);

// Tells the kernel that the pages wholly inside `bytes` are not needed now.
void release_pages(std::span<const std::byte> bytes);

}  // namespace hearth::engine
