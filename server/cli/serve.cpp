#include "server/cli/serve.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "server/cli/server_app.h"
#include "server/config.h"

namespace hearth::server {
namespace {

struct Flags {
  std::string config_file;
  std::vector<std::vector<std::string>> values;  // by key
  std::vector<char> switches;
};

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

void add_key(CLI::App& command, const ConfigKey& key, std::vector<std::string>& values) {
  const std::string help(key.help);
  if (key.kind == KeyKind::boolean) {
    command.add_flag_function(
        key.flag(),
        [&values](std::int64_t count) { values.assign(1, count > 0 ? "true" : "false"); }, help);
  } else {
    CLI::Option* const option =
        command.add_option(key.flag(), values, help)->expected(1)->allow_extra_args(false);
    if (key.kind == KeyKind::list) option->expected(1, 64)->allow_extra_args(false)->take_all();
  }
}

[[noreturn]] void give_up(const Error& error) {
  std::cerr << "hearth: " << error.detail << '\n';
  throw CLI::RuntimeError(error.code == ErrorCode::usage ? 2 : 1);
}

void serve(const Flags& flags) {
  FlagValues given;
  const std::span<const ConfigKey> keys = config_keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!flags.values[i].empty()) given.emplace(std::string(keys[i].name), flags.values[i]);
  }
  const Result<Config> config = load_config(given, flags.config_file, environment);
  if (!config) give_up(config.error());
  if (const Result<void> done = run_server(*config); !done) give_up(done.error());
}

}  // namespace

void add_serve_command(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("serve", "The server: chat page, WebSocket and OpenAI API");
  const auto flags = std::make_shared<Flags>();
  const std::span<const ConfigKey> keys = config_keys();
  flags->values.resize(keys.size());
  command->add_option(
      "--config", flags->config_file,
      "a hearth.toml; default: $XDG_CONFIG_HOME/hearth/hearth.toml if there is one");
  for (std::size_t i = 0; i < keys.size(); ++i) add_key(*command, keys[i], flags->values[i]);
  command->callback([flags] { serve(*flags); });
}

}  // namespace hearth::server
