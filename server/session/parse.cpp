// From a frame to a ClientMessage. Each message type is one short function; Fields remembers what
// is wrong.
#include <algorithm>
#include <array>
#include <limits>

#include "server/session/fields.h"
#include "server/session/parse_parts.h"
#include "server/session/protocol.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using namespace parts;

// The request's id as far as it can be trusted: what the error's `re` may repeat.
std::string readable_id(const json& message) {
  if (!message.is_object()) return {};
  const auto found = message.find("id");
  if (found == message.end() || !found->is_string()) return {};
  const auto& id = found->get_ref<const std::string&>();
  return is_request_id(id) ? id : std::string{};
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
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::hello(f);
          }},
    Entry{"chat.create",
          [](Fields& f, const json& m, const ParseLimits& l) -> ClientMessage {
            return readers::chat_create(f, m, l);
          }},
    Entry{"chat.continue",
          [](Fields& f, const json& m, const ParseLimits& l) -> ClientMessage {
            return readers::chat_continue(f, m, l);
          }},
    Entry{"chat.edit",
          [](Fields& f, const json&, const ParseLimits& l) -> ClientMessage {
            return readers::chat_edit(f, l);
          }},
    Entry{"chat.step",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::chat_step(f);
          }},
    Entry{"chat.answer",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            return ChatAnswer{std::move(id), required_id<MessageId>(f, "stream")};
          }},
    Entry{"chat.cancel",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            std::string id = request_id(f);
            return ChatCancel{std::move(id), required_id<MessageId>(f, "stream")};
          }},
    Entry{"context.measure",
          [](Fields& f, const json& m, const ParseLimits& l) -> ClientMessage {
            return readers::context_measure(f, m, l);
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
            return readers::history_list(f);
          }},
    Entry{"history.get",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::history_get(f);
          }},
    Entry{"history.rename",
          [](Fields& f, const json&, const ParseLimits& l) -> ClientMessage {
            return readers::history_rename(f, l);
          }},
    Entry{"history.delete",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::history_delete(f);
          }},
    Entry{"history.clear",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::history_clear(f);
          }},
    Entry{"history.restore",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::history_restore(f);
          }},
    Entry{"history.search",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::history_search(f);
          }},
    Entry{"conversation.update",
          [](Fields& f, const json&, const ParseLimits& l) -> ClientMessage {
            return readers::conversation_update(f, l);
          }},
    Entry{"conversation.head",
          [](Fields& f, const json&, const ParseLimits&) -> ClientMessage {
            return readers::conversation_head(f);
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
  const auto parsed = parse_strict_json(frame, limits.json_depth);
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
  result.thinking_budget = fields.integer("thinking_budget", 0, max_tokens_limit);
  if (const auto seed = fields.integer("seed", 0, std::numeric_limits<std::int64_t>::max())) {
    result.seed = static_cast<std::uint64_t>(*seed);
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return result;
}

}  // namespace hearth::server
