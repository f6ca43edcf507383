#pragma once

#include <filesystem>
#include <utility>

#include "engine/base/error.h"

namespace hearth::server {

// The folder that holds one server's data, locked while this object lives: two servers on one
// history would corrupt it.
class DataDir {
 public:
  // Makes the folder if need be (mode 0700). Errors: io_error (cannot be made or locked, another
  // server has it, or it lies on a network file system, where SQLite's locks and write-ahead log do
  // not hold).
  static Result<DataDir> open(const std::filesystem::path& path);

  DataDir(DataDir&& other) noexcept;
  DataDir& operator=(DataDir&&) = delete;
  ~DataDir();

  const std::filesystem::path& path() const { return path_; }

 private:
  DataDir(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;  // a file descriptor, −1 when moved from
};

// True for the f_type of statfs(2) of NFS, SMB/CIFS and their kin.
bool is_network_filesystem(long type);

}  // namespace hearth::server
