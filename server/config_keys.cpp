// The table of keys: what each is called, what it takes, and where its value goes.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <limits>
#include <type_traits>
#include <utility>

#include "server/config.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using Set = std::function<Result<void>(Config&, const std::string&)>;
constexpr std::int64_t kMany = 1'000'000'000;
constexpr std::int64_t kYear = 366 * 86'400;

Result<std::int64_t> parse_number(const std::string& text, std::int64_t low, std::int64_t high) {
  std::int64_t value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size() && value >= low && value <= high)
    return value;
  return fail(ErrorCode::usage, "must be a whole number from " + std::to_string(low) + " to " +
                                    std::to_string(high) + ", not '" + text + "'");
}

// `pick` gives the member that is set.
template <class Pick>
Set number(Pick pick, std::int64_t low, std::int64_t high) {
  return [=](Config& config, const std::string& text) -> Result<void> {
    const Result<std::int64_t> value = parse_number(text, low, high);
    if (!value) return tl::unexpected(value.error());
    auto& member = pick(config);
    member = static_cast<std::remove_reference_t<decltype(member)>>(*value);
    return {};
  };
}

template <class Pick>
Set seconds(Pick pick, std::int64_t low = 1) {
  return [=](Config& config, const std::string& text) -> Result<void> {
    const Result<std::int64_t> value = parse_number(text, low, kYear);
    if (!value) return tl::unexpected(value.error());
    pick(config) = std::chrono::seconds(*value);
    return {};
  };
}

// Of text and of paths.
template <class Text>
Set text(Text Config::*member) {
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
Set bytes(std::int64_t Config::*member) {
  return [=](Config& config, const std::string& value) -> Result<void> {
    std::string digits = value;
    std::int64_t unit = 1;
    if (!digits.empty()) {
      const char last = digits.back();
      if (last == 'M' || last == 'm') unit = std::int64_t{1} << 20;
      if (last == 'G' || last == 'g') unit = std::int64_t{1} << 30;
      if (unit > 1) digits.pop_back();
    }
    const Result<std::int64_t> count =
        parse_number(digits, 0, std::numeric_limits<std::int64_t>::max() / unit);
    if (!count)
      return fail(ErrorCode::usage,
                  "must be a number of bytes, or one with M or G behind it, not '" + value + "'");
    config.*member = *count * unit;
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

// A short one is guessed sooner than its brake allows for.
Result<void> set_join_code(Config& config, const std::string& value) {
  const auto symbols = std::count_if(value.begin(), value.end(),
                                     [](unsigned char c) { return std::isalnum(c) != 0; });
  if (!value.empty() && symbols < 8)
    return fail(ErrorCode::usage, "must have at least 8 letters and digits");
  config.join_code = value;
  return {};
}

// Where a value lies.
template <class Member>
auto own(Member Config::*member) {
  return [member](Config& config) -> Member& { return config.*member; };
}
template <class Member>
auto service(Member ServiceLimits::*member) {
  return [member](Config& config) -> Member& { return config.limits.service.*member; };
}
template <class Member>
auto socket(Member ConnectionLimits::*member) {
  return [member](Config& config) -> Member& { return config.limits.connection.*member; };
}
template <class Member>
auto net(Member NetLimits::*member) {
  return [member](Config& config) -> Member& { return config.net.*member; };
}

std::vector<ConfigKey> main_keys() {
  using V = engine::ComputeDevice;
  constexpr std::array<std::pair<std::string_view, V>, 3> kDevices = {
      {{"auto", V::automatic}, {"cpu", V::cpu}, {"cuda", V::cuda}}};
  return {
      {"model", KeyKind::text, "model folder (Hugging Face layout); default: the demo model",
       text(&Config::model)},
      {"model_name", KeyKind::text, "the name clients see; default: the folder's",
       text(&Config::model_name)},
      {"any_model", KeyKind::boolean, "any other name means the model too; false: it is refused",
       boolean(&Config::any_model)},
      {"host", KeyKind::text, "address to listen on", text(&Config::host)},
      {"port", KeyKind::number, "port to listen on; 0: any free one",
       number(own(&Config::port), 0, 65535)},
      {"lan", KeyKind::boolean, "listen on every address of this machine", boolean(&Config::lan)},
      {"open", KeyKind::boolean, "on a network: let people in without a join code",
       boolean(&Config::open)},
      {"join_code", KeyKind::text, "the join code; default: a new one at each start",
       set_join_code},
      {"allow_host", KeyKind::list,
       "a host name to answer to, besides addresses and this machine's names",
       list(&Config::allow_host)},
      {"allow_origin", KeyKind::list, "an origin whose pages may use the API, or *",
       list(&Config::allow_origin)},
      {"tls", KeyKind::boolean, "https, with a certificate made at the first start",
       boolean(&Config::tls)},
      {"tls_cert", KeyKind::text, "https with this certificate (PEM, the chain behind it)",
       text(&Config::tls_cert)},
      {"tls_key", KeyKind::text, "its key (PEM)", text(&Config::tls_key)},
      {"hsts", KeyKind::boolean,
       "tell browsers to use only https with this name from now on; needs tls_cert",
       boolean(&Config::hsts)},
      {"admin_port", KeyKind::number,
       "port of 127.0.0.1 for health, metrics and the operator; 0: any free one; -1: none",
       number(own(&Config::admin_port), -1, 65535)},
      {"data_dir", KeyKind::text, "where the history is kept; default: $XDG_DATA_HOME/hearth",
       text(&Config::data_dir)},
      {"disk_free", KeyKind::text, "bytes that the data folder's disk must have left at the start",
       bytes(&Config::disk_free)},
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
       number(own(&Config::retention_days), 0, 36500)},
      {"system_prompt", KeyKind::text, "instructions for conversations that have none",
       text(&Config::system_prompt)},
      {"dtype", KeyKind::text, "what to compute in: auto, fp32, bf16, fp16, int8, int4",
       choice(&Config::dtype, engine::kDtypeNames)},
      {"kv_dtype", KeyKind::text, "what the KV cache holds: bf16, or int8, which takes half",
       choice(&Config::kv_dtype, engine::kKvDtypeNames)},
      {"device", KeyKind::text, "where to compute: auto, cpu, cuda",
       choice(&Config::device, kDevices)},
      {"threads", KeyKind::number, "compute threads; 0: one per core",
       number(own(&Config::threads), 0, 1024)},
      {"max_sequences", KeyKind::number, "replies computed at once",
       number(own(&Config::max_sequences), 1, 4096)},
      {"kv_memory", KeyKind::text, "bytes for the KV cache, e.g. 2G; 0: chosen from what is free",
       bytes(&Config::kv_memory)},
      {"context_length", KeyKind::number, "longest prompt and reply, tokens; 0: the model's",
       number(own(&Config::context_length), 0, kMany)},
      {"log_level", KeyKind::text, "debug, info, warn, error or off", set_log_level},
      {"drain_timeout_s", KeyKind::number, "seconds that running replies get after SIGTERM",
       number(own(&Config::drain_timeout_s), 0, 3600)},
      {"sse_keep_alive_s", KeyKind::number,
       "seconds after which a silent stream of the API gets a comment; 0: never",
       number(own(&Config::sse_keep_alive_s), 0, 3600)},
  };
}

// Replies and people.
std::vector<ConfigKey> service_keys() {
  return {
      {"limits.max_tokens", KeyKind::number, "longest reply",
       number(service(&ServiceLimits::max_tokens), 1, kMany)},
      {"limits.reply_s", KeyKind::number, "seconds that one reply may be written",
       seconds(service(&ServiceLimits::reply_time))},
      {"limits.reply_room", KeyKind::number,
       "tokens of the context that a prompt leaves for its reply",
       number(service(&ServiceLimits::reply_room), 1, kMany)},
      {"limits.running_per_user", KeyKind::number,
       "replies of one person computed at once; 0: chosen by who can reach the server",
       number(service(&ServiceLimits::running_per_user), 0, 4096)},
      {"limits.queued_per_user", KeyKind::number,
       "replies of one person waiting; 0: chosen by who can reach the server",
       number(service(&ServiceLimits::queued_per_user), 0, 65536)},
      {"limits.live", KeyKind::number, "replies running and waiting, of everybody",
       number(service(&ServiceLimits::live_total), 1, 1'000'000)},
      {"limits.live_per_address", KeyKind::number,
       "replies running and waiting, from one address other than this machine",
       number(service(&ServiceLimits::live_per_address), 1, 1'000'000)},
      {"limits.sockets_per_user", KeyKind::number, "WebSockets of one person",
       number(service(&ServiceLimits::sockets_per_user), 1, 65536)},
      {"limits.content_bytes", KeyKind::number, "longest message",
       number(service(&ServiceLimits::content_bytes), 1, kMany)},
      {"limits.unwatched_running_s", KeyKind::number,
       "seconds that a running reply goes on without a viewer",
       seconds(service(&ServiceLimits::detach_grace_running))},
      {"limits.unwatched_queued_s", KeyKind::number,
       "seconds that a waiting reply keeps its place without a viewer",
       seconds(service(&ServiceLimits::detach_grace_queued))},
      {"limits.memory", KeyKind::number,
       "bytes that sockets and replies may hold in memory, beside model and KV cache",
       number(service(&ServiceLimits::memory), 1, std::int64_t{1} << 50U)},
  };
}

// One WebSocket.
std::vector<ConfigKey> socket_keys() {
  return {
      {"limits.hello_s", KeyKind::number, "seconds until a WebSocket must have said hello",
       seconds(socket(&ConnectionLimits::hello_within))},
      {"limits.frame_bytes", KeyKind::number, "longest frame from a client, once it is known",
       number(socket(&ConnectionLimits::frame_bytes), 1024, kMany)},
      {"limits.frame_bytes_before_ready", KeyKind::number, "longest frame from a client before",
       number(socket(&ConnectionLimits::frame_bytes_before_ready), 1024, kMany)},
      {"limits.json_depth", KeyKind::number, "how deep the JSON of a message or a body may be",
       number(socket(&ConnectionLimits::json_depth), 4, kJsonDepthMax)},
      {"limits.messages_per_s", KeyKind::number, "messages of one WebSocket a second",
       number(socket(&ConnectionLimits::messages_per_s), 1, 1'000'000)},
      {"limits.burst", KeyKind::number, "messages of one WebSocket at once",
       number(socket(&ConnectionLimits::burst), 1, 1'000'000)},
      {"limits.outbox_bytes", KeyKind::number, "what may wait for a slow reader",
       number(socket(&ConnectionLimits::outbox_bytes), 4096, kMany)},
      {"limits.outbox_entries", KeyKind::number, "events that may wait for a slow reader",
       number(socket(&ConnectionLimits::outbox_entries), 4, 65536)},
      {"limits.slow_s", KeyKind::number,
       "seconds after which a reader that takes nothing is closed",
       seconds(socket(&ConnectionLimits::stalled_after))},
      {"limits.socket_age_s", KeyKind::number,
       "seconds after which a WebSocket is told to come back on a new one",
       seconds(socket(&ConnectionLimits::max_age))},
  };
}

// The transport.
std::vector<ConfigKey> net_keys() {
  return {
      {"limits.connections", KeyKind::number, "open sockets",
       number(net(&NetLimits::connections), 1, 1'000'000)},
      {"limits.connections_per_address", KeyKind::number,
       "open sockets from one address other than this machine",
       number(net(&NetLimits::connections_per_address), 1, 1'000'000)},
      {"limits.connections_per_s", KeyKind::number,
       "new sockets a second from one address other than this machine",
       number(net(&NetLimits::connections_per_s), 1, 1'000'000)},
      {"limits.header_bytes", KeyKind::number, "longest head of a request",
       number(net(&NetLimits::header_bytes), 512, 16 * 1024)},
      {"limits.header_fields", KeyKind::number, "header fields of a request",
       number(net(&NetLimits::header_fields), 8, 1024)},
      {"limits.target_bytes", KeyKind::number, "longest path and query of a request",
       number(net(&NetLimits::target_bytes), 64, 16 * 1024)},
      {"limits.body_bytes", KeyKind::number, "longest body of a request",
       number(net(&NetLimits::body_bytes), 1024, kMany)},
      {"limits.header_s", KeyKind::number, "seconds for a request's head",
       seconds(net(&NetLimits::header_within))},
      {"limits.body_s", KeyKind::number, "seconds for a request's body, and one more for each KiB",
       seconds(net(&NetLimits::body_within))},
      {"limits.idle_s", KeyKind::number, "seconds that a connection may be silent between requests",
       seconds(net(&NetLimits::idle))},
      {"limits.handshake_s", KeyKind::number, "seconds for the handshake of TLS",
       seconds(net(&NetLimits::tls_handshake))},
  };
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
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all = main_keys();
    for (auto* const make : {service_keys, socket_keys, net_keys}) {
      for (ConfigKey& key : make()) all.push_back(std::move(key));
    }
    return all;
  }();
  return keys;
}

}  // namespace hearth::server
