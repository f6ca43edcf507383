// Other processes: how much of the processor the server used, and one that uses all it can get.
#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace hearth::bench {

// What /proc knows of it.
struct ProcessUse {
  double cpu_s = 0.0;
  std::int64_t resident_bytes = 0;
};
std::optional<ProcessUse> use_of(pid_t pid);

// A child process that computes without end; killed with this object.
class BusyNeighbour {
 public:
  BusyNeighbour();
  ~BusyNeighbour();
  BusyNeighbour(const BusyNeighbour&) = delete;
  BusyNeighbour& operator=(const BusyNeighbour&) = delete;

 private:
  pid_t pid_ = -1;
};

}  // namespace hearth::bench
