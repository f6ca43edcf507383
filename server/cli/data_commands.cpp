#include "server/cli/data_commands.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/config.h"
#include "server/session/clock.h"
#include "server/store/integrity.h"
#include "server/store/key_file.h"

namespace hearth::server {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

struct Folder {
  std::string data_dir;
  std::string config_file;
};

struct KeyFlags {
  Folder folder;
  std::string label;
  std::string scope = "chat";
  std::int64_t expires_days = 0;  // 0: never
  std::string id;
  bool as_json = false;
};

[[noreturn]] void give_up(const Error& error) {
  std::cerr << "hearth: " << error.detail << '\n';
  const bool is_usage =
      error.code == ErrorCode::usage || error.code == ErrorCode::invalid_parameter;
  throw CLI::RuntimeError(is_usage ? 2 : 1);
}

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

void add_folder(CLI::App& command, Folder& folder) {
  command.add_option("--data-dir", folder.data_dir,
                     "where the history is kept; default: as hearth serve finds it");
  command.add_option("--config", folder.config_file, "the hearth.toml of the server");
}

std::filesystem::path data_dir_of(const Folder& folder) {
  FlagValues given;
  if (!folder.data_dir.empty()) given.emplace("data_dir", std::vector{folder.data_dir});
  const Result<Config> config = load_config(given, folder.config_file, environment);
  if (!config) give_up(config.error());
  return config->data_dir;
}

std::string day(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

void create(const KeyFlags& flags) {
  const std::int64_t now_ms = system_clock().unix_ms();
  KeyRequest request{.label = flags.label,
                     .scope = flags.scope == "read" ? Scope::read : Scope::chat};
  if (flags.expires_days > 0) request.expires_ms = now_ms + flags.expires_days * kDayMs;
  const auto made = create_key(data_dir_of(flags.folder), request, system_random(), now_ms);
  if (!made) give_up(made.error());
  // Alone on stdout, so that KEY=$(hearth key create …) holds it.
  std::cout << made->secret << '\n';
  std::cerr << "Key " << made->key.id << " (" << flags.scope
            << ") is shown this once; a server that runs knows it within a second.\n";
}

void print(const std::vector<OperatorKey>& keys) {
  constexpr int kIdWidth = 18;
  constexpr int kWidth = 12;
  std::cout << std::left << std::setw(kIdWidth) << "ID" << std::setw(kWidth) << "SCOPE"
            << std::setw(kWidth) << "CREATED" << std::setw(kWidth) << "EXPIRES"
            << "LABEL\n";
  for (const OperatorKey& key : keys) {
    std::cout << std::setw(kIdWidth) << key.id << std::setw(kWidth) << to_string(key.scope)
              << std::setw(kWidth) << day(key.created_ms) << std::setw(kWidth)
              << (key.expires_ms ? day(*key.expires_ms) : "never") << key.label << '\n';
  }
}

void list(const KeyFlags& flags) {
  const auto keys = read_keys(data_dir_of(flags.folder));
  if (!keys) give_up(keys.error());
  if (!flags.as_json) return print(*keys);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const OperatorKey& key : *keys) {
    nlohmann::ordered_json one = {{"id", key.id},
                                  {"label", key.label},
                                  {"scope", to_string(key.scope)},
                                  {"created", key.created_ms}};
    if (key.expires_ms) one["expires"] = *key.expires_ms;
    all.push_back(std::move(one));
  }
  std::cout << all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

void revoke(const KeyFlags& flags) {
  const auto gone = revoke_key(data_dir_of(flags.folder), flags.id);
  if (!gone) give_up(gone.error());
  std::cout << "Key " << gone->id << " (" << gone->label
            << ") is revoked; what it had open ends within two seconds.\n";
}

void back_up_to(const Folder& folder, const std::string& file) {
  const auto report = back_up(data_dir_of(folder), file);
  if (!report) give_up(report.error());
  std::cout << file << ": " << report->users << " users, " << report->conversations
            << " conversations, " << report->messages << " messages, " << report->bytes
            << " bytes\n";
}

}  // namespace

void add_key_command(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("key", "Keys for programs that use the server: create, list, revoke");
  command->require_subcommand(1);
  const auto flags = std::make_shared<KeyFlags>();

  CLI::App* const creating = command->add_subcommand("create", "A new key, shown once");
  creating->add_option("--label", flags->label, "whose it is; shown in the list")->required();
  creating->add_option("--scope", flags->scope, "chat: ask and read; read: only read")
      ->check(CLI::IsMember({"chat", "read"}));
  creating->add_option("--expires-days", flags->expires_days, "0: it does not expire")
      ->check(CLI::Range(0, 36500));
  add_folder(*creating, flags->folder);
  creating->callback([flags] { create(*flags); });

  CLI::App* const listing = command->add_subcommand("list", "All keys, without their secrets");
  listing->add_flag("--json", flags->as_json, "as a JSON array");
  add_folder(*listing, flags->folder);
  listing->callback([flags] { list(*flags); });

  CLI::App* const revoking =
      command->add_subcommand("revoke", "A key holds no longer; its history stays");
  revoking->add_option("id", flags->id, "as hearth key list shows it")->required();
  add_folder(*revoking, flags->folder);
  revoking->callback([flags] { revoke(*flags); });
}

void add_backup_command(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("backup", "A copy of the history, also while the server runs");
  struct Flags {
    Folder folder;
    std::string file;
  };
  const auto flags = std::make_shared<Flags>();
  command->add_option("file", flags->file, "a new file; to restore, put it in place of hearth.db")
      ->required();
  add_folder(*command, flags->folder);
  command->callback([flags] { back_up_to(flags->folder, flags->file); });
}

}  // namespace hearth::server
