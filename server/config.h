// What the operator decides. Every key is a flag, a HEARTH_… variable and a line of hearth.toml, in
// that order of strength.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/runner_options.h"
#include "server/net/net_limits.h"
#include "server/session/limits.h"

namespace hearth::server {

struct Config {
  std::string model;  // a folder; empty: the demo model
  std::string model_name;
  bool any_model = true;  // every name means the one that is served
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  bool lan = false;
  bool open = false;
  std::string join_code;  // empty: a random one
  std::vector<std::string> allow_host;
  std::vector<std::string> allow_origin;
  std::filesystem::path data_dir;  // empty: $XDG_DATA_HOME/hearth
  bool ephemeral = false;
  std::int64_t history_per_user = std::int64_t{256} << 20U;  // bytes; 0: no bound
  std::int64_t history_max = 0;                              // of everybody; 0: no bound
  std::int64_t disk_reserve = std::int64_t{64} << 20U;       // bytes that stay free on the disk
  int retention_days = 0;                                    // 0: nothing goes by itself
  std::string system_prompt;
  engine::ComputeDtype dtype = engine::ComputeDtype::automatic;
  engine::KvDtype kv_dtype = engine::KvDtype::bf16;
  engine::ComputeDevice device = engine::ComputeDevice::automatic;
  int threads = 0;
  int max_sequences = 32;
  std::int64_t kv_memory = 0;  // bytes; 0: chosen from what is free
  std::int64_t context_length = 0;
  std::string log_level = "info";
  int drain_timeout_s = 30;
  int sse_keep_alive_s = 15;  // 0: no comments on silent streams

  bool tls = false;
  std::filesystem::path tls_cert;  // PEM; empty: one is made and kept in the data folder
  std::filesystem::path tls_key;
  bool hsts = false;
  int admin_port = -1;  // −1: no listener for the operator

  std::int64_t disk_free = 16 << 20;  // bytes that the data folder's disk must have at the start

  // Every bound, in the structs of those who keep it. In limits.service running_per_user and
  // queued_per_user are 0 until limits_of chooses.
  Limits limits;
  NetLimits net;

  Config() { limits.service.running_per_user = limits.service.queued_per_user = 0; }
};

enum class KeyKind { text, number, boolean, list };

struct ConfigKey {
  std::string_view name;  // "data_dir", "limits.live"
  KeyKind kind = KeyKind::text;
  std::string_view help;
  // Errors: usage, one sentence without the key's name.
  std::function<Result<void>(Config&, const std::string& value)>
      set;  // of a list: called for each element

  std::string flag() const;  // "--data-dir"
  std::string env() const;   // "HEARTH_DATA_DIR"
};

std::span<const ConfigKey> config_keys();

// What flags gave, by key name.
using FlagValues = std::map<std::string, std::vector<std::string>, std::less<>>;

// `file`: --config; empty: HEARTH_CONFIG, else $XDG_CONFIG_HOME/hearth/hearth.toml if there is one.
// `environment` reads one variable. Errors: usage, io_error; the sentence says where the value came
// from.
Result<Config> load_config(
    const FlagValues& flags, const std::string& file,
    const std::function<std::optional<std::string>(const std::string&)>& environment);

// $XDG_DATA_HOME/hearth and its fallback below the home folder.
std::filesystem::path default_data_dir(
    const std::function<std::optional<std::string>(const std::string&)>& environment);

}  // namespace hearth::server
