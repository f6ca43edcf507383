// Small things of the start: names, addresses, the log, and the configuration in other modules'
// words.
#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/runner_options.h"
#include "server/config.h"
#include "server/net/server.h"
#include "server/session/limits.h"

namespace hearth::server {

std::string machine_name();

// IPv4, without loopback.
std::vector<std::string> network_addresses();

// stderr, written by a thread of its own; a full queue drops the oldest line rather than waiting.
void start_logging(const std::string& level);

// is_local: only this machine can reach the server, so one person may use all of it.
Limits limits_of(const Config& config, bool is_local);

NetLimits net_limits_of(const Config& config);

engine::RunnerOptions runner_options(const Config& config);

}  // namespace hearth::server
