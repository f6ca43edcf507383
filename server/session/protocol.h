// The messages of hearth.chat.v1 as types; server/PROTOCOL.md says what they mean. Parsing is the
// only way in: what a ClientMessage holds has been checked. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "engine/base/token_id.h"
#include "engine/sampling/sampling_overrides.h"
#include "server/session/crypto.h"
#include "server/session/error_body.h"
#include "server/session/ids.h"

namespace hearth::server {

inline constexpr std::string_view kSubProtocol = "hearth.chat.v1";

// --- client → server
// ---------------------------------------------------------------------------------------------------

// How a reply is to be generated, as far as somebody said so. Ranges are checked.
struct GenerationParams {
  std::optional<std::string> model;
  std::optional<std::int64_t> max_tokens;
  engine::SamplingOverrides sampling;
  std::vector<std::string> stop;
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> thinking_budget;  // tokens of thought; 0: none
};

// What a client that comes back was reading.
struct Resume {
  struct Stream {
    MessageId id{};
    std::size_t have = 0;  // tokens
  };
  std::optional<SessionId> session{};  // of its last socket
  std::optional<SessionId> epoch{};    // of the server's process then
  std::vector<Stream> streams{};       // at most 32
};

struct Hello {
  std::string client_name;
  std::string client_version;
  std::optional<std::string> token;
  std::optional<Resume> resume;
};

// Which message a new one hangs under.
struct ParentRef {
  enum class Kind : std::uint8_t { head, root, message };
  Kind kind = Kind::head;
  MessageId message;  // with Kind::message
};

// The first tokens of another reply, and one that comes next.
struct BranchWish {
  MessageId message{};
  std::size_t at = 0;              // so many are taken over
  std::optional<TokenId> token{};  // empty: drawn
};

struct ChatCreate {
  std::string id;
  std::optional<ConversationId> conversation;  // empty: a new one
  ParentRef parent;                            // with regenerate: Kind::message, the user message
  std::string content;                         // empty exactly with regenerate
  std::optional<std::string> system;
  std::optional<GenerationParams> params;
  std::string params_json;  // the same, as it was sent, for the row; "" without params
  bool regenerate = false;
  bool inspect = false;                // keep the candidates of every token
  bool step = false;                   // written on demand
  std::optional<BranchWish> branch{};  // only with regenerate
  bool continues = false;              // chat.continue: parent is the reply that is written on
  Sha256 body_hash{};
};

struct ChatEdit {
  std::string id;
  ConversationId conversation;
  MessageId message;
  std::string content;
  std::optional<std::int64_t> revision;
};

// What a chat.create would cost. Its content may be empty: what is there already.
struct ContextMeasure {
  std::string id;
  ChatCreate draft;
};

// Of a reply that is written on demand.
struct ChatStep {
  std::string id;
  MessageId stream;
  std::int64_t num_tokens = 1;     // 0: pause
  std::optional<TokenId> token{};  // what comes next; empty: drawn
};
// The thoughts of a reply end, its answer begins.
struct ChatAnswer {
  std::string id;
  MessageId stream;
};
struct ChatCancel {
  std::string id;
  MessageId stream;
};
struct StreamAttach {
  std::string id;
  MessageId stream;
  std::size_t have = 0;
};
struct Ack {
  MessageId stream;
  std::size_t have = 0;
};
struct HistoryList {
  std::string id;
  std::string cursor;  // "" at first
  int limit = 50;
};
struct HistoryGet {
  std::string id;
  ConversationId conversation;
  std::string cursor;
};
struct HistoryRename {
  std::string id;
  ConversationId conversation;
  std::string title;
  std::optional<std::int64_t> revision;
};
struct HistoryDelete {
  std::string id;
  ConversationId conversation;
  bool forever = false;
};
struct HistoryClear {
  std::string id;
  bool forever = false;
};
struct HistoryRestore {
  std::string id;
  std::optional<ConversationId> conversation;  // empty: all that can be
};
struct HistorySearch {
  std::string id;
  std::string query;
  std::string cursor;
  int limit = 50;
};
struct ConversationUpdate {
  std::string id;
  ConversationId conversation;
  std::optional<std::string> title;
  std::optional<bool> pinned;
  std::optional<std::string> system;
  std::optional<std::string> params_json;
  std::optional<std::int64_t> revision;
};
struct ConversationHead {
  std::string id;
  ConversationId conversation;
  MessageId head;
};
struct Ping {
  std::string t;  // the number as JSON text, given back as it came
};

using ClientMessage = std::variant<Hello, ChatCreate, ChatStep, ChatAnswer, ChatCancel, ChatEdit,
                                   ContextMeasure, StreamAttach, Ack, HistoryList, HistoryGet,
                                   HistoryRename, HistoryDelete, HistoryClear, HistoryRestore,
                                   HistorySearch, ConversationUpdate, ConversationHead, Ping>;

// Its `id`, or "" where the message has none.
const std::string& request_id_of(const ClientMessage& message);

struct ParseLimits {
  std::size_t content_bytes = 512 * 1024;
  std::size_t system_bytes = 16 * 1024;
  std::size_t title_chars = 200;
  std::int64_t max_tokens = 4096;
  std::size_t json_depth = 32;
};

struct ParseFailure {
  std::string re;  // the request's id, when it could be read
  WireError error;
  bool is_strike = false;  // invalid_json, invalid_message, unknown_type
};

tl::expected<ClientMessage, ParseFailure> parse_client_message(std::string_view frame,
                                                               const ParseLimits& limits);

// `params` alone, as the HTTP routes and stored conversations have it. `prefix` names it in errors
// ("params.").
tl::expected<GenerationParams, WireError> parse_generation_params(const nlohmann::json& params,
                                                                  std::string_view prefix,
                                                                  std::int64_t max_tokens_limit);

// --- server → client
// ---------------------------------------------------------------------------------------------------

enum class Channel : std::uint8_t { answer, reasoning };

// Tokens [from, to) of a stream. Sizes: lp and bytes have to − from entries; the bytes add up to
// text.size().
struct Delta {
  MessageId stream{};
  std::size_t from = 0;
  std::size_t to = 0;
  std::string text{};
  std::vector<float> lp{};
  std::vector<std::uint32_t> bytes{};
  Channel channel = Channel::answer;
};

// Any other event: an object with "type". Built by the functions of events.h.
struct ServerMessage {
  nlohmann::ordered_json body;
};

// One frame. The delta is written by hand (the hot path), everything else by nlohmann-json; never
// throws, whatever the text holds.
std::string to_frame(const Delta& delta);
std::string to_frame(const ServerMessage& message);

// Appends text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace hearth::server
