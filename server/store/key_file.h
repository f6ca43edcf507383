// The operator's keys: a file of the data folder that `hearth key` writes and the server reads,
// also while it runs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/error.h"
#include "server/session/operator_key.h"

namespace hearth::server {

std::filesystem::path key_file(const std::filesystem::path& data_dir);

// Those of the data folder, in the order in which they were made; none without a file. Errors:
// io_error, one sentence.
Result<std::vector<OperatorKey>> read_keys(const std::filesystem::path& data_dir);

struct KeyRequest {
  std::string label{};  // 1 … 120 bytes without control characters
  Scope scope = Scope::chat;
  std::optional<std::int64_t> expires_ms{};
};

struct MadeKey {
  std::string secret{};  // shown this once
  OperatorKey key{};
};

// Each of these replaces the file as a whole, under a lock: two commands at once lose nothing.
// Errors: io_error, invalid_parameter (label), quota_exceeded (more than a thousand keys).
Result<MadeKey> create_key(const std::filesystem::path& data_dir, const KeyRequest& request,
                           const RandomBytes& random, std::int64_t now_ms);
// Errors: io_error, not_found.
Result<OperatorKey> revoke_key(const std::filesystem::path& data_dir, const std::string& id);

// Looks every half second whether the file was replaced, on a thread of its own.
class KeyWatch {
 public:
  struct Events {
    std::function<void(std::vector<OperatorKey>)> changed;  // its thread
    std::function<void(const std::string&)> unreadable;     // its thread; once for each such file
  };

  KeyWatch(std::filesystem::path data_dir, Events events);

 private:
  void run(const std::stop_token& stop);

  std::filesystem::path data_dir_;
  Events events_;
  std::mutex mutex_;
  std::condition_variable_any wait_;
  std::jthread thread_;
};

}  // namespace hearth::server
