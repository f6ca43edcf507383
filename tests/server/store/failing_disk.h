// A disk that fails where a test says: a layer under SQLite that counts what changes the disk.
#pragma once

#include <atomic>
#include <limits>

struct sqlite3_vfs;

namespace hearth::server::testing {

// While one exists it is SQLite's default: what is opened then goes through it. Writes, truncations
// and flushes count, deletions of files too. One at a time; its databases are closed first.
class FailingDisk {
 public:
  enum class Fault {
    full,          // ENOSPC for what writes, until heal()
    broken,        // EIO for what writes and flushes, until heal()
    broken_flush,  // EIO for flushes, until heal()
    broken_once,   // EIO, one time
    written_half,  // a write that stops in its middle, then EIO until heal()
  };
  static constexpr int kNever = std::numeric_limits<int>::max();

  FailingDisk();
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  // The change after the next `good` ones fails as `fault` says. Any thread.
  void fail_after(int good, Fault fault);
  void heal();
  bool has_failed() const;
};

}  // namespace hearth::server::testing
