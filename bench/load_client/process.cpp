#include "bench/load_client/process.h"

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hearth::bench {

std::optional<ProcessUse> use_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The name, in parentheses, may hold anything: count from its end. utime is field 14, rss 24.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0.0;
  double system = 0.0;
  fields >> user >> system;
  for (int field = 16; field < 24; ++field) fields >> skipped;
  std::int64_t pages = 0;
  if (!(fields >> pages)) return std::nullopt;
  return ProcessUse{(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)),
                    pages * sysconf(_SC_PAGESIZE)};
}

BusyNeighbour::BusyNeighbour() : pid_(fork()) {
  if (pid_ < 0) throw std::runtime_error("no other process could be started");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  volatile std::uint64_t count = 0;
  for (;;) count = count + 1;
}

BusyNeighbour::~BusyNeighbour() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace hearth::bench
