#include "engine/base/memory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace hearth {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (!(file >> value)) return std::nullopt;  // "max" is no number: no limit
  return value;
}

std::int64_t field(const std::string& path, const std::string& wanted) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(wanted, 0) == 0) return std::strtoll(line.c_str() + wanted.size(), nullptr, 10);
  }
  return -1;
}

std::int64_t left_in_control_group() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  if (!std::getline(file, line) || line.rfind("0::", 0) != 0) return kUnknown;
  const std::string folder = "/sys/fs/cgroup" + line.substr(3);
  const auto limit = number_in(folder + "/memory.max");
  const auto used = number_in(folder + "/memory.current");
  if (!limit || !used) return kUnknown;
  const std::int64_t cached = std::max<std::int64_t>(0, field(folder + "/memory.stat", "file "));
  return std::max<std::int64_t>(0, *limit - *used + cached);
}

}  // namespace

std::int64_t available_memory() {
  const std::int64_t kib = field("/proc/meminfo", "MemAvailable:");
  return std::min(kib < 0 ? kUnknown : kib * 1024, left_in_control_group());
}

}  // namespace hearth
