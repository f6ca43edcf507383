// Small things of the start: names, addresses, the log, and the configuration in other modules'
// words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/runner_options.h"
#include "server/config.h"
#include "server/net/certificate.h"
#include "server/session/limits.h"

namespace hearth::server {

std::string machine_name();

// IPv4, without loopback.
std::vector<std::string> network_addresses();

// stderr, written by a thread of its own; a full queue drops the oldest line rather than waiting.
void start_logging(const std::string& level);

// is_local: only this machine can reach the server, so one person may use all of it.
Limits limits_of(const Config& config, bool is_local);

// Nothing where plain HTTP is spoken. Errors: io_error.
Result<std::optional<Certificate>> open_certificate(const Config& config);

// Bytes that are left on the disk of the data folder, which need not exist yet; −1: not known.
std::int64_t disk_free_bytes(const std::filesystem::path& data_dir);

// Errors: io_error (the disk is nearly full).
Result<void> check_disk(const Config& config);

engine::RunnerOptions runner_options(const Config& config);

}  // namespace hearth::server
