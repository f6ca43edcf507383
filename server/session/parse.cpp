// From a frame to a ClientMessage. Each message type is one short function; Fields remembers what
// is wrong.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "server/session/fields.h"
#include "server/session/protocol.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using nlohmann::json;

constexpr std::size_t kRequestIdBytes = 64;
constexpr std::int64_t kPositionMax = std::int64_t{1} << 31U;
constexpr std::size_t kCursorBytes = 128;

bool is_request_id(std::string_view id) {
  const auto is_allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
  };
  return !id.empty() && id.size() <= kRequestIdBytes &&
         std::all_of(id.begin(), id.end(), is_allowed);
}

// The request's id as far as it can be trusted: what the error's `re` may repeat.
std::string readable_id(const json& message) {
  if (!message.is_object()) return {};
  const auto found = message.find("id");
  if (found == message.end() || !found->is_string()) return {};
  const auto& id = found->get_ref<const std::string&>();
  return is_request_id(id) ? id : std::string{};
}

std::string request_id(Fields& fields) {
  fields.require("id");
  const std::string id = fields.text("id", 1, kRequestIdBytes).value_or("");
  if (fields.ok() && !is_request_id(id)) {
    fields.fail(ErrorCode::invalid_parameter, "id",
                "id must be made of letters, digits, '.', '_', ':' and '-'.");
  }
  return id;
}

template <class IdType>
IdType required_id(Fields& fields, const char* name) {
  fields.require(name);
  return fields.id<IdType>(name).value_or(IdType{});
}

std::size_t position(Fields& fields, const char* name) {
  return static_cast<std::size_t>(fields.integer(name, 0, kPositionMax).value_or(0));
}

Hello read_hello(Fields& fields, const json& message) {
  Hello hello;
  if (const json* client = fields.find("client")) {
    Fields inner(*client, "client.");
    if (!client->is_object()) {
      fields.fail(ErrorCode::invalid_parameter, "client", "client must be an object.");
    } else {
      hello.client_name = inner.text("name", 0, 64).value_or("");
      hello.client_version = inner.text("version", 0, 64).value_or("");
      if (!inner.ok()) fields.fail(inner.error()->code, "client", inner.error()->detail);
    }
  }
  hello.token = fields.text("token", 1, 256);
  if (message.contains("resume") && !message["resume"].is_object()) {
    fields.fail(ErrorCode::invalid_parameter, "resume", "resume must be an object.");
  }
  return hello;
}

ParentRef read_parent(Fields& fields) {
  const json* parent = fields.find("parent");
  if (!parent) return {};
  if (parent->is_null()) return {ParentRef::Kind::root, {}};
  return {ParentRef::Kind::message, fields.id<MessageId>("parent").value_or(MessageId{})};
}

// A text of people: too long has its own code.
std::string limited_text(Fields& fields, const char* name, std::size_t bytes_max) {
  const json* value = fields.find(name);
  if (!value) return {};
  if (value->is_string() && value->get_ref<const std::string&>().size() > bytes_max) {
    fields.fail(ErrorCode::message_too_large, name,
                std::string(name) + " may have at most " + std::to_string(bytes_max) + " bytes.");
    return {};
  }
  return fields.text(name, 0, bytes_max).value_or("");
}

void read_content(Fields& fields, ChatCreate& create, std::size_t bytes_max) {
  create.regenerate = fields.boolean("regenerate").value_or(false);
  if (create.regenerate) {
    fields.require("conversation");
    fields.require("parent");
    if (fields.ok() && create.parent.kind != ParentRef::Kind::message) {
      fields.fail(ErrorCode::invalid_parameter, "parent", "parent must be the message to answer.");
    }
    if (fields.has("content")) {
      fields.fail(ErrorCode::invalid_message, "content", "regenerate takes no content.");
    }
    return;
  }
  fields.require("content");
  create.content = limited_text(fields, "content", bytes_max);
  if (fields.ok() && create.content.empty()) {
    fields.fail(ErrorCode::invalid_parameter, "content", "content must not be empty.");
  }
}

ChatCreate read_create(Fields& fields, const json& message, const ParseLimits& limits) {
  ChatCreate create;
  create.id = request_id(fields);
  create.conversation = fields.id<ConversationId>("conversation");
  create.parent = read_parent(fields);
  read_content(fields, create, limits.content_bytes);
  if (!create.conversation && create.parent.kind == ParentRef::Kind::message) {
    fields.fail(ErrorCode::invalid_parameter, "parent", "A parent needs its conversation.");
  }
  if (fields.has("system")) create.system = limited_text(fields, "system", limits.system_bytes);
  if (const json* params = fields.find("params")) {
    auto parsed = parse_generation_params(*params, "params.", limits.max_tokens);
    if (parsed) {
      create.params = std::move(*parsed);
      create.params_json = params->dump();
    } else {
      const std::string& where = parsed.error().param;
      fields.fail(parsed.error().code, where, parsed.error().detail);
    }
  }
  create.body_hash = sha256(message.dump());  // keys are sorted, so field order does not matter
  return create;
}

HistoryRename read_rename(Fields& fields, const ParseLimits& limits) {
  HistoryRename rename;
  rename.id = request_id(fields);
  rename.conversation = required_id<ConversationId>(fields, "conversation");
  fields.require("title");
  rename.title = fields.text("title", 1, limits.title_chars * 4).value_or("");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const auto starts_character = [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  };
  const auto num_characters =
      std::count_if(rename.title.begin(), rename.title.end(), starts_character);
  if (std::any_of(rename.title.begin(), rename.title.end(), is_control) ||
      static_cast<std::size_t>(num_characters) > limits.title_chars) {
    fields.fail(ErrorCode::invalid_parameter, "title",
                "title must have 1 to " + std::to_string(limits.title_chars) +
                    " characters and no control characters.");
  }
  rename.revision = fields.integer("revision", 0, std::numeric_limits<std::int64_t>::max());
  return rename;
}

Ping read_ping(Fields& fields) {
  fields.require("t");
  const json* t = fields.find("t");
  if (!t) return {};
  if (!t->is_number()) fields.fail(ErrorCode::invalid_parameter, "t", "t must be a number.");
  return {t->dump()};
}

using Read = ClientMessage (*)(Fields&, const json&, const ParseLimits&);

struct Entry {
  std::string_view type;
  Read read;
};

constexpr std::array kEntries = {
    Entry{"hello",
          [](Fields& f, const json& m, const ParseLimits&) -> ClientMessage {
            return read_hello(f, m);
          }},
    Entry{"chat.create",
          [](Fields& f, const json& m, const ParseLimits& l) -> ClientMessage {
            return read_create(f, m, l);
          }},
    Entry{"chat.cancel",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            return ChatCancel{std::move(id), required_id<MessageId>(f, "stream")};
          }},
    Entry{"stream.attach",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            const auto stream = required_id<MessageId>(f, "stream");
            return StreamAttach{std::move(id), stream, position(f, "have")};
          }},
    Entry{"ack",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            const auto stream = required_id<MessageId>(f, "stream");
            return Ack{stream, position(f, "have")};
          }},
    Entry{"history.list",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            std::string cursor = f.text("cursor", 0, kCursorBytes).value_or("");
            return HistoryList{std::move(id), std::move(cursor),
                               static_cast<int>(f.integer("limit", 1, 100).value_or(50))};
          }},
    Entry{"history.get",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            const auto conversation = required_id<ConversationId>(f, "conversation");
            return HistoryGet{std::move(id), conversation,
                              f.text("cursor", 0, kCursorBytes).value_or("")};
          }},
    Entry{"history.rename",
          [](Fields& f, const json&, const ParseLimits& l) -> ClientMessage {
            return read_rename(f, l);
          }},
    Entry{"history.delete",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            return HistoryDelete{std::move(id), required_id<ConversationId>(f, "conversation")};
          }},
    Entry{"history.clear",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return HistoryClear{request_id(f)};
          }},
    Entry{"ping",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage { return read_ping(f); }},
};

bool is_strike(ErrorCode code) {
  return code == ErrorCode::invalid_json || code == ErrorCode::invalid_message ||
         code == ErrorCode::unknown_type;
}

tl::unexpected<ParseFailure> refuse(std::string re, WireError error) {
  const bool strike = is_strike(error.code);
  return tl::unexpected(ParseFailure{std::move(re), std::move(error), strike});
}

tl::unexpected<ParseFailure> refuse_json(const JsonFailure& failure) {
  if (failure.number_at.empty()) {
    return refuse({}, {.code = ErrorCode::invalid_json, .detail = failure.detail});
  }
  return refuse(
      readable_id(failure.partial),
      {.code = ErrorCode::invalid_parameter, .detail = failure.detail, .param = failure.number_at});
}

}  // namespace

const std::string& request_id_of(const ClientMessage& message) {
  static const std::string kNone;
  return std::visit(
      [](const auto& request) -> const std::string& {
        if constexpr (requires { request.id; })
          return request.id;
        else
          return kNone;
      },
      message);
}

tl::expected<ClientMessage, ParseFailure> parse_client_message(std::string_view frame,
                                                               const ParseLimits& limits) {
  const auto parsed = parse_strict_json(frame);
  if (!parsed) return refuse_json(parsed.error());
  const json& message = *parsed;
  std::string re = readable_id(message);
  if (!message.is_object()) {
    return refuse({},
                  {.code = ErrorCode::invalid_message, .detail = "A message is a JSON object."});
  }
  const auto type = message.find("type");
  if (type == message.end() || !type->is_string()) {
    return refuse(std::move(re), {.code = ErrorCode::invalid_message,
                                  .detail = "A message has a type, which is a string.",
                                  .param = "type"});
  }
  const auto& name = type->get_ref<const std::string&>();
  const auto* const entry =
      std::find_if(kEntries.begin(), kEntries.end(),
                   [&](const Entry& candidate) { return candidate.type == name; });
  if (entry == kEntries.end()) {
    return refuse(std::move(re), {.code = ErrorCode::unknown_type,
                                  .detail = "This server knows no such message type.",
                                  .param = "type"});
  }
  Fields fields(message, "");
  ClientMessage result = entry->read(fields, message, limits);
  if (!fields.ok()) return refuse(std::move(re), *fields.error());
  return result;
}

tl::expected<GenerationParams, WireError> parse_generation_params(const json& params,
                                                                  std::string_view prefix,
                                                                  std::int64_t max_tokens_limit) {
  if (!params.is_object()) {
    std::string name(prefix.substr(0, prefix.find_last_of('.')));
    return tl::unexpected(WireError{.code = ErrorCode::invalid_parameter,
                                    .detail = name + " must be an object.",
                                    .param = name});
  }
  Fields fields(params, std::string(prefix));
  GenerationParams result;
  result.model = fields.text("model", 1, 256);
  result.max_tokens = fields.integer("max_tokens", 1, max_tokens_limit);
  engine::SamplingOverrides& sampling = result.sampling;
  sampling.temperature = fields.number("temperature", 0.0, 2.0);
  sampling.top_k = fields.integer("top_k", 0, 1'000'000);
  sampling.top_p = fields.number("top_p", 0.0, 1.0);
  sampling.min_p = fields.number("min_p", 0.0, 1.0);
  sampling.repetition_penalty = fields.number("repetition_penalty", 0.01, 10.0);
  sampling.presence_penalty = fields.number("presence_penalty", -2.0, 2.0);
  sampling.frequency_penalty = fields.number("frequency_penalty", -2.0, 2.0);
  result.stop = fields.texts("stop", 4, 256);
  if (const auto seed = fields.integer("seed", 0, std::numeric_limits<std::int64_t>::max())) {
    result.seed = static_cast<std::uint64_t>(*seed);
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return result;
}

}  // namespace hearth::server
