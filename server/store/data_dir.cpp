#include "server/store/data_dir.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace hearth::server {
namespace {

tl::unexpected<Error> refuse(const std::filesystem::path& path, const std::string& why) {
  return fail(ErrorCode::io_error, "The data folder " + path.string() + " " + why + ".");
}

std::string last_error() { return std::generic_category().message(errno); }

}  // namespace

// Magic numbers of statfs(2). The kernel's type is signed on some machines, so only the low 32 bits
// count.
bool is_network_filesystem(long type) {
  constexpr std::array<std::uint32_t, 9> kNetwork = {
      0x6969,      // NFS
      0x517B,      // SMB
      0xFF534D42,  // CIFS
      0xFE534D42,  // SMB2
      0x01021997,  // 9P
      0x5346414F,  // AFS
      0x73757245,  // Coda
      0x564C,      // NCP
      0x00C36400,  // Ceph
  };
  return std::find(kNetwork.begin(), kNetwork.end(), static_cast<std::uint32_t>(type)) !=
         kNetwork.end();
}

Result<DataDir> DataDir::open(const std::filesystem::path& path) {
  std::error_code ec;
  const bool is_new = std::filesystem::create_directories(path, ec);
  if (ec) return refuse(path, "cannot be made: " + ec.message());
  if (is_new) std::filesystem::permissions(path, std::filesystem::perms::owner_all, ec);
  struct statfs info = {};
  if (statfs(path.c_str(), &info) != 0) return refuse(path, "cannot be read: " + last_error());
  if (is_network_filesystem(static_cast<long>(info.f_type))) {
    return refuse(path, "lies on a network file system; choose a local disk");
  }
  const int lock = ::open((path / "hearth.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return refuse(path, "cannot be written: " + last_error());
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const bool is_taken = errno == EWOULDBLOCK;
    const std::string why =
        is_taken ? "is in use by another Hearth server" : "cannot be locked: " + last_error();
    ::close(lock);
    return refuse(path, why);
  }
  return DataDir(path, lock);
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDir::~DataDir() {
  if (lock_ >= 0) ::close(lock_);  // releases the lock
}

}  // namespace hearth::server
