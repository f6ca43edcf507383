// SHA-256 and SHA-1 (FIPS 180-4) of files: to compare a folder with what its download said of it.
// Against damage, not against attackers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/base/error.h"

namespace hearth::engine {

enum class DigestKind : std::uint8_t {
  sha256,    // 64 hexadecimal digits
  git_blob,  // 40: SHA-1 of "blob SIZE\0" and the bytes, as git names a file
};

// Feeds bytes in any portions; hex() once, at the end.
class Digest {
 public:
  // size: of everything that will come; git's names begin with it.
  Digest(DigestKind kind, std::uint64_t size);

  void add(std::span<const std::byte> bytes);
  std::string hex();

 private:
  void add_block(const std::byte* block);
  void add_block_sha1(const std::byte* block);

  DigestKind kind_;
  std::array<std::uint32_t, 8> state_{};  // SHA-1 uses five
  std::array<std::byte, 64> waiting_{};
  std::size_t num_waiting_ = 0;
  std::uint64_t num_bytes_ = 0;
};

// Of a whole file, read in pieces. Errors: io_error.
Result<std::string> file_digest(const std::filesystem::path& file, DigestKind kind);

}  // namespace hearth::engine
