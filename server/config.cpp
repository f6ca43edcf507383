#include "server/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

namespace hearth::server {
namespace {

using Environment = std::function<std::optional<std::string>(const std::string&)>;
using Set = std::function<Result<void>(Config&, const std::string&)>;

template <class Number>
Result<Number> parse_number(const std::string& text, Number low, Number high) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size() && value >= low && value <= high)
    return value;
  return fail(ErrorCode::usage, "must be a whole number from " + std::to_string(low) + " to " +
                                    std::to_string(high) + ", not '" + text + "'");
}

template <class Number>
Set number(Number Config::*member, Number low, Number high) {
  return [=](Config& config, const std::string& text) -> Result<void> {
    const Result<Number> value = parse_number<Number>(text, low, high);
    if (!value) return tl::unexpected(value.error());
    config.*member = *value;
    return {};
  };
}

template <class Number>
Set limit(Number Config::Limits::*member, Number low, Number high) {
  return [=](Config& config, const std::string& text) -> Result<void> {
    const Result<Number> value = parse_number<Number>(text, low, high);
    if (!value) return tl::unexpected(value.error());
    config.limits.*member = *value;
    return {};
  };
}

Set text(std::string Config::*member) {
  return [=](Config& config, const std::string& value) -> Result<void> {
    config.*member = value;
    return {};
  };
}

Set boolean(bool Config::*member) {
  return [=](Config& config, const std::string& value) -> Result<void> {
    if (value != "true" && value != "false" && value != "1" && value != "0") {
      return fail(ErrorCode::usage, "must be true or false, not '" + value + "'");
    }
    config.*member = value == "true" || value == "1";
    return {};
  };
}

Set list(std::vector<std::string> Config::*member) {
  return [=](Config& config, const std::string& value) -> Result<void> {
    (config.*member).push_back(value);
    return {};
  };
}

template <class Enum, std::size_t N>
Set choice(Enum Config::*member, std::array<std::pair<std::string_view, Enum>, N> choices) {
  return [=](Config& config, const std::string& value) -> Result<void> {
    std::string names;
    for (const auto& [name, meaning] : choices) {
      if (name == value) {
        config.*member = meaning;
        return {};
      }
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    return fail(ErrorCode::usage, "must be one of " + names + ", not '" + value + "'");
  };
}

// "2147483648", "512M", "4G".
Result<std::int64_t> parse_bytes(const std::string& value) {
  std::string digits = value;
  std::int64_t unit = 1;
  if (!digits.empty()) {
    const char last = digits.back();
    if (last == 'M' || last == 'm') unit = std::int64_t{1} << 20;
    if (last == 'G' || last == 'g') unit = std::int64_t{1} << 30;
    if (unit > 1) digits.pop_back();
  }
  const Result<std::int64_t> count =
      parse_number<std::int64_t>(digits, 0, std::numeric_limits<std::int64_t>::max() / unit);
  if (!count)
    return fail(ErrorCode::usage,
                "must be a number of bytes, or one with M or G behind it, not '" + value + "'");
  return *count * unit;
}

Set bytes(std::int64_t Config::*member) {
  return [=](Config& config, const std::string& value) -> Result<void> {
    const Result<std::int64_t> count = parse_bytes(value);
    if (!count) return tl::unexpected(count.error());
    config.*member = *count;
    return {};
  };
}

Result<void> set_log_level(Config& config, const std::string& value) {
  static constexpr std::array kLevels = {"debug", "info", "warn", "error", "off"};
  if (std::find(kLevels.begin(), kLevels.end(), value) == kLevels.end()) {
    return fail(ErrorCode::usage,
                "must be one of debug, info, warn, error, off, not '" + value + "'");
  }
  config.log_level = value;
  return {};
}

std::vector<ConfigKey> make_keys() {
  using V = engine::ComputeDevice;
  constexpr std::array<std::pair<std::string_view, V>, 3> kDevices = {
      {{"auto", V::automatic}, {"cpu", V::cpu}, {"cuda", V::cuda}}};
  constexpr std::int64_t kMany = 1'000'000'000;
  return {
      {"model", KeyKind::text, "model folder (Hugging Face layout); default: the demo model",
       text(&Config::model)},
      {"model_name", KeyKind::text, "the name clients see; default: the folder's",
       text(&Config::model_name)},
      {"any_model", KeyKind::boolean, "any other name means the model too; false: it is refused",
       boolean(&Config::any_model)},
      {"host", KeyKind::text, "address to listen on", text(&Config::host)},
      {"port", KeyKind::number, "port to listen on; 0: any free one",
       number<std::uint16_t>(&Config::port, 0, 65535)},
      {"lan", KeyKind::boolean, "listen on every address of this machine", boolean(&Config::lan)},
      {"open", KeyKind::boolean, "on a network: let people in without a join code",
       boolean(&Config::open)},
      {"join_code", KeyKind::text, "the join code; default: a new one at each start",
       text(&Config::join_code)},
      {"allow_host", KeyKind::list,
       "a host name to answer to, besides addresses and this machine's names",
       list(&Config::allow_host)},
      {"allow_origin", KeyKind::list, "an origin whose pages may use the API, or *",
       list(&Config::allow_origin)},
      {"data_dir", KeyKind::text, "where the history is kept; default: $XDG_DATA_HOME/hearth",
       [](Config& config, const std::string& value) -> Result<void> {
         config.data_dir = value;
         return {};
       }},
      {"ephemeral", KeyKind::boolean, "keep the history in memory only",
       boolean(&Config::ephemeral)},
      {"history_per_user", KeyKind::text, "what one person may keep, e.g. 256M; 0: no bound",
       bytes(&Config::history_per_user)},
      {"history_max", KeyKind::text,
       "size of the history at which nothing new is taken; 0: no bound",
       bytes(&Config::history_max)},
      {"disk_reserve", KeyKind::text, "bytes of the disk that the history leaves free",
       bytes(&Config::disk_reserve)},
      {"retention_days", KeyKind::number,
       "conversations that nobody touched for so long are erased, pinned ones not; 0: never",
       number(&Config::retention_days, 0, 36500)},
      {"system_prompt", KeyKind::text, "instructions for conversations that have none",
       text(&Config::system_prompt)},
      {"dtype", KeyKind::text, "what to compute in: auto, fp32, bf16, fp16, int8, int4",
       choice(&Config::dtype, engine::kDtypeNames)},
      {"device", KeyKind::text, "where to compute: auto, cpu, cuda",
       choice(&Config::device, kDevices)},
      {"threads", KeyKind::number, "compute threads; 0: one per core",
       number(&Config::threads, 0, 1024)},
      {"max_sequences", KeyKind::number, "replies computed at once",
       number(&Config::max_sequences, 1, 4096)},
      {"kv_memory", KeyKind::text, "bytes for the KV cache, e.g. 2G; 0: chosen from what is free",
       bytes(&Config::kv_memory)},
      {"context_length", KeyKind::number, "longest prompt and reply, tokens; 0: the model's",
       number<std::int64_t>(&Config::context_length, 0, kMany)},
      {"log_level", KeyKind::text, "debug, info, warn, error or off", set_log_level},
      {"drain_timeout_s", KeyKind::number, "seconds that running replies get after SIGTERM",
       number(&Config::drain_timeout_s, 0, 3600)},
      {"sse_keep_alive_s", KeyKind::number,
       "seconds after which a silent stream of the API gets a comment; 0: never",
       number(&Config::sse_keep_alive_s, 0, 3600)},
      {"limits.max_tokens", KeyKind::number, "longest reply",
       limit<std::int64_t>(&Config::Limits::max_tokens, 1, kMany)},
      {"limits.running_per_user", KeyKind::number,
       "replies of one person computed at once; 0: chosen by who can reach the server",
       limit(&Config::Limits::running_per_user, 0, 4096)},
      {"limits.queued_per_user", KeyKind::number,
       "replies of one person waiting; 0: chosen by who can reach the server",
       limit(&Config::Limits::queued_per_user, 0, 65536)},
      {"limits.live", KeyKind::number, "replies running and waiting, of everybody",
       limit(&Config::Limits::live, 1, 1'000'000)},
      {"limits.connections", KeyKind::number, "open sockets",
       limit(&Config::Limits::connections, 1, 1'000'000)},
      {"limits.connections_per_address", KeyKind::number,
       "open sockets from one address other than this machine",
       limit(&Config::Limits::connections_per_address, 1, 1'000'000)},
  };
}

Result<void> set(Config& config, const ConfigKey& key, const std::string& value,
                 const std::string& origin) {
  const Result<void> done = key.set(config, value);
  if (!done) return fail(ErrorCode::usage, origin + " " + done.error().detail + ".");
  return {};
}

// Lists are replaced by the stronger source, never appended to.
void forget(Config& config, const ConfigKey& key) {
  if (key.name == "allow_host") config.allow_host.clear();
  if (key.name == "allow_origin") config.allow_origin.clear();
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  return std::nullopt;
}

Result<void> read_node(Config& config, const ConfigKey& key, const toml::node& node,
                       const std::string& origin) {
  forget(config, key);
  const auto* const elements = node.as_array();
  if ((elements != nullptr) != (key.kind == KeyKind::list)) {
    return fail(ErrorCode::usage, origin + (elements ? " must be one value, not a list."
                                                     : " must be a list, as in [\"name\"]."));
  }
  if (!elements) {
    const std::optional<std::string> value = scalar_text(node);
    if (!value)
      return fail(ErrorCode::usage, origin + " must be a string, a whole number, true or false.");
    return set(config, key, *value, origin);
  }
  for (const toml::node& element : *elements) {
    const auto* const value = element.as_string();
    if (!value) return fail(ErrorCode::usage, origin + " must be a list of strings.");
    if (Result<void> done = set(config, key, value->get(), origin); !done) return done;
  }
  return {};
}

Result<void> read_table(Config& config, const toml::table& table, const std::string& prefix,
                        const std::string& file) {
  for (const auto& [name, node] : table) {
    const std::string full = prefix + std::string(name.str());
    if (prefix.empty() && full == "limits" && node.is_table()) {
      if (Result<void> done = read_table(config, *node.as_table(), "limits.", file); !done)
        return done;
      continue;
    }
    const auto keys = config_keys();
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigKey& one) { return one.name == full; });
    if (key == keys.end())
      return fail(ErrorCode::usage, file + ": there is no key '" + full + "'.");
    if (Result<void> done = read_node(config, *key, node, file + ": " + full); !done) return done;
  }
  return {};
}

Result<void> read_file(Config& config, const std::string& file) {
  try {
    return read_table(config, toml::parse_file(file), "", file);
  } catch (const toml::parse_error& problem) {
    return fail(ErrorCode::usage, file + ", line " + std::to_string(problem.source().begin.line) +
                                      ": " + std::string(problem.description()) + ".");
  }
}

Result<void> read_environment(Config& config, const Environment& environment) {
  for (const ConfigKey& key : config_keys()) {
    const std::optional<std::string> value = environment(key.env());
    if (!value) continue;
    forget(config, key);
    std::istringstream parts(*value);
    if (key.kind != KeyKind::list) {
      if (Result<void> done = set(config, key, *value, key.env()); !done) return done;
      continue;
    }
    for (std::string part; std::getline(parts, part, ',');) {
      if (Result<void> done = set(config, key, part, key.env()); !done) return done;
    }
  }
  return {};
}

Result<void> read_flags(Config& config, const FlagValues& flags) {
  for (const ConfigKey& key : config_keys()) {
    const auto given = flags.find(key.name);
    if (given == flags.end()) continue;
    forget(config, key);
    for (const std::string& value : given->second) {
      if (Result<void> done = set(config, key, value, key.flag()); !done) return done;
    }
  }
  return {};
}

std::string spelled(std::string_view name, char separator) {
  std::string out(name);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '_' || c == '.'; }, separator);
  return out;
}

}  // namespace

std::string ConfigKey::flag() const { return "--" + spelled(name, '-'); }

std::string ConfigKey::env() const {
  std::string out = "HEARTH_" + spelled(name, '_');
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

Result<Config> load_config(const FlagValues& flags, const std::string& file,
                           const Environment& environment) {
  Config config;
  std::string path = !file.empty() ? file : environment("HEARTH_CONFIG").value_or("");
  if (path.empty()) {
    const auto home = environment("HOME");
    const std::filesystem::path base =
        environment("XDG_CONFIG_HOME").value_or(home ? *home + "/.config" : "");
    std::error_code ignored;
    if (!base.empty() && std::filesystem::exists(base / "hearth/hearth.toml", ignored))
      path = base / "hearth/hearth.toml";
  }
  if (!path.empty()) {
    if (Result<void> done = read_file(config, path); !done) return tl::unexpected(done.error());
  }
  if (Result<void> done = read_environment(config, environment); !done)
    return tl::unexpected(done.error());
  if (Result<void> done = read_flags(config, flags); !done) return tl::unexpected(done.error());
  if (config.data_dir.empty()) config.data_dir = default_data_dir(environment);
  return config;
}

std::filesystem::path default_data_dir(const Environment& environment) {
  if (const auto data = environment("XDG_DATA_HOME"); data && !data->empty())
    return std::filesystem::path(*data) / "hearth";
  return std::filesystem::path(environment("HOME").value_or("/var/lib")) / ".local/share/hearth";
}

}  // namespace hearth::server
