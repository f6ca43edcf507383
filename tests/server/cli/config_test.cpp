#include "server/config.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

// Files and variables of one test.
class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest()
      : file_(std::filesystem::temp_directory_path() /
              ("hearth-config-" + std::to_string(::getpid()) + ".toml")) {}
  ~ConfigTest() override { std::filesystem::remove(file_); }

  Result<Config> load(const std::string& toml,
                      const std::map<std::string, std::string>& variables = {},
                      const FlagValues& flags = {}) {
    std::ofstream(file_) << toml;
    return load_config(flags, file_.string(), [&](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::string refusal(const std::string& toml) {
    const Result<Config> config = load(toml);
    return config ? "" : config.error().detail;
  }

  std::filesystem::path file_;
};

TEST_F(ConfigTest, FlagsBeatVariablesBeatTheFileBeatsDefaults) {
  EXPECT_EQ(load("")->port, 8080);
  EXPECT_EQ(load("port = 1")->port, 1);
  EXPECT_EQ(load("port = 1", {{"HEARTH_PORT", "2"}})->port, 2);
  EXPECT_EQ(load("port = 1", {{"HEARTH_PORT", "2"}}, {{"port", {"3"}}})->port, 3);
}

TEST_F(ConfigTest, ListsAreReplacedNotJoined) {
  EXPECT_EQ(load("allow_host = [\"a\", \"b\"]")->allow_host, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(load("allow_host = [\"a\"]", {{"HEARTH_ALLOW_HOST", "c,d"}})->allow_host,
            (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(load("allow_host = [\"a\"]", {}, {{"allow_host", {"e"}}})->allow_host,
            std::vector<std::string>{"e"});
}

TEST_F(ConfigTest, KeysOfTheLimitsTableHaveFlagsAndVariablesToo) {
  EXPECT_EQ(load("[limits]\nlive = 5")->limits.service.live_total, 5);
  EXPECT_EQ(load("", {{"HEARTH_LIMITS_LIVE", "6"}})->limits.service.live_total, 6);
  for (const ConfigKey& key : config_keys()) {
    if (key.name == "limits.live") {
      EXPECT_EQ(key.flag(), "--limits-live");
    }
    if (key.name == "data_dir") {
      EXPECT_EQ(key.env(), "HEARTH_DATA_DIR");
    }
  }
}

TEST_F(ConfigTest, WhatIsWrongIsOneSentenceThatNamesTheKey) {
  EXPECT_NE(refusal("prot = 1").find("there is no key 'prot'"), std::string::npos);
  EXPECT_NE(refusal("[limits]\nlife = 1").find("limits.life"), std::string::npos);
  EXPECT_NE(refusal("[network]\nport = 1").find("network"), std::string::npos);
  EXPECT_NE(refusal("port = 70000").find("port must be a whole number from 0 to 65535"),
            std::string::npos);
  EXPECT_NE(refusal("port = \"x\"").find("port must be"), std::string::npos);
  EXPECT_NE(refusal("port = 1.5").find("port must be"), std::string::npos);
  EXPECT_NE(refusal("port = [1]").find("must be one value"), std::string::npos);
  EXPECT_NE(refusal("lan = \"yes\"").find("lan must be true or false"), std::string::npos);
  EXPECT_NE(refusal("dtype = \"int3\"").find("one of auto, fp32, bf16, fp16"), std::string::npos);
  EXPECT_NE(refusal("allow_host = \"x\"").find("must be a list"), std::string::npos);
  EXPECT_NE(refusal("allow_host = [1]").find("list of strings"), std::string::npos);
  EXPECT_NE(refusal("log_level = \"loud\"").find("log_level"), std::string::npos);
  EXPECT_NE(refusal("port = ").find("line 1"), std::string::npos);
  EXPECT_EQ(load("port = 70000").error().code, ErrorCode::usage);
}

TEST_F(ConfigTest, TheKvCacheHoldsBf16OrInt8) {
  EXPECT_EQ(load("")->kv_dtype, engine::KvDtype::bf16);
  EXPECT_EQ(load("kv_dtype = \"int8\"")->kv_dtype, engine::KvDtype::int8);
  EXPECT_EQ(load("", {{"HEARTH_KV_DTYPE", "int8"}})->kv_dtype, engine::KvDtype::int8);
  EXPECT_NE(refusal("kv_dtype = \"int4\"").find("one of bf16, int8"), std::string::npos);
}

TEST_F(ConfigTest, MemoryIsReadWithItsUnit) {
  EXPECT_EQ(load("kv_memory = \"2G\"")->kv_memory, std::int64_t{2} << 30);
  EXPECT_EQ(load("kv_memory = \"512M\"")->kv_memory, std::int64_t{512} << 20);
  EXPECT_EQ(load("kv_memory = 1000")->kv_memory, 1000);
  for (const char* bad : {"\"\"", "\"G\"", "\"-1\"", "\"9999999999G\"", "\"2T\"", "\"1.5G\""}) {
    EXPECT_FALSE(load(std::string("kv_memory = ") + bad)) << bad;
  }
}

TEST_F(ConfigTest, HowMuchIsKeptAndHowLongIsTheOperators) {
  EXPECT_EQ(load("")->history_per_user, std::int64_t{256} << 20);
  EXPECT_EQ(load("history_per_user = \"1M\"")->history_per_user, std::int64_t{1} << 20);
  EXPECT_EQ(load("history_max = \"2G\"")->history_max, std::int64_t{2} << 30);
  EXPECT_EQ(load("disk_reserve = 0")->disk_reserve, 0);
  EXPECT_EQ(load("", {{"HEARTH_RETENTION_DAYS", "30"}})->retention_days, 30);
  EXPECT_FALSE(load("retention_days = -1"));
  EXPECT_FALSE(load("history_per_user = \"much\""));
}

TEST_F(ConfigTest, TheDataFolderFollowsXdg) {
  EXPECT_EQ(load("", {{"XDG_DATA_HOME", "/x"}})->data_dir, "/x/hearth");
  EXPECT_EQ(load("", {{"HOME", "/home/ada"}})->data_dir, "/home/ada/.local/share/hearth");
  EXPECT_EQ(load("data_dir = \"/y\"", {{"XDG_DATA_HOME", "/x"}})->data_dir, "/y");
}

// Each key of [limits] is set to a number of its own and found where it is kept.
TEST_F(ConfigTest, EveryLimitHasItsEffectAndNoOther) {
  using Read = std::function<double(const Config&)>;
  const auto seconds = [](Milliseconds time) { return static_cast<double>(time.count()) / 1000.0; };
  const auto number = [](auto value) { return static_cast<double>(value); };
  const std::map<std::string, Read> places = {
      {"max_tokens", [=](const Config& c) { return number(c.limits.service.max_tokens); }},
      {"running_per_user",
       [=](const Config& c) { return number(c.limits.service.running_per_user); }},
      {"queued_per_user",
       [=](const Config& c) { return number(c.limits.service.queued_per_user); }},
      {"reply_s", [=](const Config& c) { return seconds(c.limits.service.reply_time); }},
      {"reply_room", [=](const Config& c) { return number(c.limits.service.reply_room); }},
      {"live", [=](const Config& c) { return number(c.limits.service.live_total); }},
      {"live_per_address",
       [=](const Config& c) { return number(c.limits.service.live_per_address); }},
      {"sockets_per_user",
       [=](const Config& c) { return number(c.limits.service.sockets_per_user); }},
      {"content_bytes", [=](const Config& c) { return number(c.limits.service.content_bytes); }},
      {"unwatched_running_s",
       [=](const Config& c) { return seconds(c.limits.service.detach_grace_running); }},
      {"unwatched_queued_s",
       [=](const Config& c) { return seconds(c.limits.service.detach_grace_queued); }},
      {"memory", [=](const Config& c) { return number(c.limits.service.memory); }},
      {"hello_s", [=](const Config& c) { return seconds(c.limits.connection.hello_within); }},
      {"frame_bytes", [=](const Config& c) { return number(c.limits.connection.frame_bytes); }},
      {"frame_bytes_before_ready",
       [=](const Config& c) { return number(c.limits.connection.frame_bytes_before_ready); }},
      {"messages_per_s", [=](const Config& c) { return c.limits.connection.messages_per_s; }},
      {"burst", [=](const Config& c) { return c.limits.connection.burst; }},
      {"outbox_bytes", [=](const Config& c) { return number(c.limits.connection.outbox_bytes); }},
      {"outbox_entries",
       [=](const Config& c) { return number(c.limits.connection.outbox_entries); }},
      {"slow_s", [=](const Config& c) { return seconds(c.limits.connection.stalled_after); }},
      {"socket_age_s", [=](const Config& c) { return seconds(c.limits.connection.max_age); }},
      {"json_depth", [=](const Config& c) { return number(c.limits.connection.json_depth); }},
      {"connections", [=](const Config& c) { return number(c.net.connections); }},
      {"connections_per_address",
       [=](const Config& c) { return number(c.net.connections_per_address); }},
      {"connections_per_s", [=](const Config& c) { return c.net.connections_per_s; }},
      {"header_bytes", [=](const Config& c) { return number(c.net.header_bytes); }},
      {"header_fields", [=](const Config& c) { return number(c.net.header_fields); }},
      {"target_bytes", [=](const Config& c) { return number(c.net.target_bytes); }},
      {"body_bytes", [=](const Config& c) { return number(c.net.body_bytes); }},
      {"header_s", [=](const Config& c) { return seconds(c.net.header_within); }},
      {"body_s", [=](const Config& c) { return seconds(c.net.body_within); }},
      {"idle_s", [=](const Config& c) { return seconds(c.net.idle); }},
      {"handshake_s", [=](const Config& c) { return seconds(c.net.tls_handshake); }},
  };
  const std::set<std::string> small = {"header_fields", "running_per_user"};
  const Config before = *load("");
  for (const ConfigKey& key : config_keys()) {
    if (!key.name.starts_with("limits.")) continue;
    const std::string name(key.name.substr(7));
    ASSERT_TRUE(places.contains(name)) << name;
    const int value = name == "json_depth" ? 77 : small.contains(name) ? 777 : 5003;
    const Config after = *load("[limits]\n" + name + " = " + std::to_string(value));
    for (const auto& [other, read] : places) {
      EXPECT_EQ(read(after), other == name ? value : read(before)) << name << " in " << other;
    }
  }
}

// configs/hearth.toml shows every key, with a value that is accepted.
TEST_F(ConfigTest, TheExampleFileHasEveryKeyAndIsValid) {
  std::ifstream example(std::filesystem::path(HEARTH_GOLDEN) / "../../configs/hearth.toml");
  ASSERT_TRUE(example);
  std::string uncommented;
  std::string table;
  std::map<std::string, int> seen;
  const std::regex setting(R"(^# ([a-z_]+) = .*)");
  for (std::string line; std::getline(example, line);) {
    std::smatch found;
    if (line.starts_with('[')) table = line.substr(1, line.find(']') - 1) + ".";
    if (std::regex_match(line, found, setting)) {
      ++seen[table + found[1].str()];
      line = line.substr(2);
    }
    uncommented += line + "\n";
  }
  const Result<Config> config = load(uncommented);
  EXPECT_TRUE(config) << config.error().detail;
  for (const ConfigKey& key : config_keys()) EXPECT_EQ(seen[std::string(key.name)], 1) << key.name;
  EXPECT_EQ(seen.size(), config_keys().size());
}

}  // namespace
}  // namespace hearth::server
