#include "server/config.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

namespace hearth::server {
namespace {

using Environment = std::function<std::optional<std::string>(const std::string&)>;

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

// What no single key can tell.
Result<void> check(const Config& config) {
  const bool is_given = !config.tls_cert.empty();
  if (is_given == config.tls_key.empty())
    return fail(ErrorCode::usage, "tls_cert and tls_key go together: a certificate and its key.");
  if (config.hsts && !is_given) {
    return fail(ErrorCode::usage,
                "hsts needs tls_cert: behind it, browsers let nobody in with a self-made one.");
  }
  return {};
}

}  // namespace

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
  if (Result<void> done = check(config); !done) return tl::unexpected(done.error());
  if (!config.tls_cert.empty()) config.tls = true;
  if (config.data_dir.empty()) config.data_dir = default_data_dir(environment);
  return config;
}

std::filesystem::path default_data_dir(const Environment& environment) {
  if (const auto data = environment("XDG_DATA_HOME"); data && !data->empty())
    return std::filesystem::path(*data) / "hearth";
  return std::filesystem::path(environment("HOME").value_or("/var/lib")) / ".local/share/hearth";
}

}  // namespace hearth::server
