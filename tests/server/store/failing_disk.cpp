#include "tests/server/store/failing_disk.h"

#include <cstring>
#include <new>

#include <sqlite3.h>

#include "engine/base/check.h"

namespace hearth::server::testing {
namespace {

// SQLite's interface is of C: one state for the process.
struct State {
  std::atomic<int> good{FailingDisk::kNever};
  std::atomic<FailingDisk::Fault> fault{FailingDisk::Fault::full};
  std::atomic<bool> has_failed{false};
};
State state;
sqlite3_vfs* real_disk = nullptr;

enum class Change { write, flush, shrink };

// Whether this change fails.
bool fails(Change change) {
  const FailingDisk::Fault fault = state.fault;
  if (state.good == FailingDisk::kNever) return false;
  if (state.good > 0) {
    --state.good;
    return false;
  }
  if (fault == FailingDisk::Fault::full && change != Change::write) return false;
  if (fault == FailingDisk::Fault::broken_flush && change != Change::flush) return false;
  state.has_failed = true;
  if (fault == FailingDisk::Fault::broken_once) state.good = FailingDisk::kNever;
  return true;
}

struct File {
  sqlite3_file base;
  sqlite3_file* real;  // in the bytes behind this one
};
sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

int close_file(sqlite3_file* file) {
  sqlite3_file* const real = real_of(file);
  return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}
int read_file(sqlite3_file* file, void* bytes, int count, sqlite3_int64 at) {
  return real_of(file)->pMethods->xRead(real_of(file), bytes, count, at);
}
int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 at) {
  sqlite3_file* const real = real_of(file);
  if (!fails(Change::write)) return real->pMethods->xWrite(real, bytes, count, at);
  if (state.fault == FailingDisk::Fault::written_half) {
    real->pMethods->xWrite(real, bytes, count / 2, at);
  }
  return state.fault == FailingDisk::Fault::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (fails(Change::shrink)) return SQLITE_IOERR_TRUNCATE;
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
int flush_file(sqlite3_file* file, int) {
  static_cast<void>(file);  // no test cuts the power: the real flush would only cost time
  return fails(Change::flush) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
int file_control(sqlite3_file* file, int op, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}
int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int device_characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int n, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
void barrier_shared(sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
int unmap_shared(sqlite3_file* file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = flush_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = barrier_shared,
    .xShmUnmap = unmap_shared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  auto* const own = new (file) File{};
  own->real = reinterpret_cast<sqlite3_file*>(own + 1);
  std::memset(own->real, 0, static_cast<std::size_t>(real_disk->szOsFile));
  const int code = real_disk->xOpen(real_disk, name, own->real, flags, flags_out);
  // SQLite closes what has methods, also where opening failed.
  if (own->real->pMethods) own->base.pMethods = &kMethods;
  return code;
}
int delete_file(sqlite3_vfs*, const char* name, int flush_folder) {
  if (fails(Change::shrink)) return SQLITE_IOERR_DELETE;
  return real_disk->xDelete(real_disk, name, flush_folder);
}

sqlite3_vfs disk;

}  // namespace

FailingDisk::FailingDisk() {
  heal();
  real_disk = sqlite3_vfs_find("unix");
  CHECK(real_disk);
  disk = *real_disk;  // what is not replaced here asks nothing of the struct that it is called on
  disk.szOsFile = static_cast<int>(sizeof(File)) + real_disk->szOsFile;
  disk.pNext = nullptr;
  disk.zName = "failing";
  disk.xOpen = open_file;
  disk.xDelete = delete_file;
  CHECK(sqlite3_vfs_register(&disk, 1) == SQLITE_OK);
}

FailingDisk::~FailingDisk() {
  sqlite3_vfs_unregister(&disk);
  sqlite3_vfs_register(real_disk, 1);
}

void FailingDisk::fail_after(int good, Fault fault) {
  state.fault = fault;
  state.has_failed = false;
  state.good = good;
}

void FailingDisk::heal() { state.good = kNever; }

bool FailingDisk::has_failed() const { return state.has_failed; }

}  // namespace hearth::server::testing
