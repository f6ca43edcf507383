#include "server/session/events.h"

#include <algorithm>
#include <cmath>

#include "server/session/thought.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

json or_null(const std::optional<MessageId>& id) {
  return id ? json(to_string(*id)) : json(nullptr);
}

double one_decimal(double number) { return std::round(number * 10.0) / 10.0; }

json id_list(const std::vector<MessageId>& ids) {
  json list = json::array();
  for (const MessageId& id : ids) list.push_back(to_string(id));
  return list;
}

json to_json(const Limits& limits) {
  const ServiceLimits& service = limits.service;
  return {{"frame_bytes", limits.connection.frame_bytes},
          {"content_bytes", service.content_bytes},
          {"system_bytes", service.system_bytes},
          {"title_chars", service.title_chars},
          {"max_tokens", service.max_tokens},
          {"stop_strings", 4},
          {"stop_bytes", 256},
          {"messages_per_s", limits.connection.messages_per_s},
          {"burst", limits.connection.burst},
          {"json_depth", limits.connection.json_depth},
          {"sockets", service.sockets_per_user},
          {"running", service.running_per_user},
          {"queued", service.queued_per_user},
          {"reply_ms", service.reply_time.count()},
          {"undo_ms", service.undo.count()},
          {"queued_unwatched_ms", service.detach_grace_queued.count()}};
}

json defaults_json(const ModelInfo& model) {
  const auto params = engine::resolve({}, model.defaults);
  const engine::SamplingParams values = params.value_or(engine::SamplingParams{});
  return {
      {"do_sample", values.do_sample}, {"temperature", values.do_sample ? values.temperature : 0.0},
      {"top_k", values.top_k},         {"top_p", values.top_p},
      {"min_p", values.min_p},         {"repetition_penalty", values.repetition_penalty}};
}

}  // namespace

json usage_json(const ReplyEnd& end) {
  return {{"prompt_tokens", end.prompt_tokens},
          {"completion_tokens", end.tokens},
          {"cached_tokens", end.cached_tokens}};
}

json timings_json(const ReplyEnd& end) {
  return {{"queue_ms", end.queue_ms}, {"prefill_ms", end.prefill_ms}, {"decode_ms", end.decode_ms}};
}

json stages_json(const std::vector<LoadStage>& stages) {
  json list = json::array();
  for (const LoadStage& stage : stages) {
    json entry = {{"stage", stage.name}};
    if (stage.ms) entry["ms"] = one_decimal(*stage.ms);
    if (stage.tokens > 0) entry["tokens"] = stage.tokens;
    if (stage.bytes_all > 0) {
      entry["bytes"] = stage.bytes;
      entry["bytes_all"] = stage.bytes_all;
    }
    if (!stage.tensor.empty()) entry["tensor"] = stage.tensor;
    if (!stage.dtype.empty()) entry["dtype"] = stage.dtype;
    list.push_back(std::move(entry));
  }
  return list;
}

void add_progress(json& body, const ModelStatus& status) {
  if (status.state != ModelState::loading) return;
  body["stage"] = status.stage;
  body["percent"] = one_decimal(status.percent);
  if (status.eta_ms) body["eta_ms"] = *status.eta_ms;
  body["stages"] = stages_json(status.stages);
}

json to_json(const ModelStatus& status, std::int64_t max_tokens_limit) {
  json body = {{"id", status.id}, {"name", status.id}, {"state", to_string(status.state)}};
  add_progress(body, status);
  if (!status.info) return body;
  const ModelInfo& model = *status.info;
  body["name"] = model.name;
  body["context_length"] = model.context_length;
  body["max_tokens"] = std::min(max_tokens_limit, model.max_new_tokens.value_or(max_tokens_limit));
  body["decoder"] = model.decoder;
  body["defaults"] = defaults_json(model);
  if (model.thoughts.thinks()) body["thinks"] = true;
  return body;
}

ServerMessage ready_event(const ReadyEvent& event) {
  json models = json::array();
  if (!event.model->id.empty())
    models.push_back(to_json(*event.model, event.limits->service.max_tokens));
  ServerMessage ready{{{"type", "ready"},
                       {"session", to_string(event.session)},
                       {"epoch", to_string(event.epoch)},
                       {"user",
                        {{"id", to_string(event.user.id)},
                         {"name", event.user.name},
                         {"kind", to_string(event.user.kind)}}},
                       {"resumed", to_string(event.resumed.kind)},
                       {"heartbeat_ms", event.limits->service.heartbeat.count()},
                       {"durable", event.durable},
                       {"server", {{"name", "hearth"}, {"version", event.version}}},
                       {"limits", to_json(*event.limits)},
                       {"models", std::move(models)}}};
  if (!event.resumed.unknown.empty()) ready.body["unknown"] = id_list(event.resumed.unknown);
  return ready;
}

ServerMessage accepted_event(const AcceptedEvent& event) {
  const Message& reply = event.reply;
  ServerMessage accepted{{{"type", "accepted"},
                          {"re", event.re},
                          {"stream", to_string(reply.id)},
                          {"conversation", to_string(event.conversation.id)},
                          {"user_message", or_null(reply.parent)},
                          {"assistant_message", to_string(reply.id)},
                          {"parent", or_null(event.user_parent)},
                          {"title", event.conversation.title},
                          {"revision", event.conversation.revision},
                          {"seed", reply.seed},
                          {"dropped", id_list(reply.dropped)},
                          {"duplicate", event.duplicate}}};
  if (event.continued_from) {
    accepted.body["continued"] = true;
    accepted.body["from"] = *event.continued_from;
  }
  return accepted;
}

ServerMessage queued_event(const MessageId& stream, const QueuePlace& place) {
  json body = {{"type", "queued"},
               {"stream", to_string(stream)},
               {"position", place.position},
               {"of", place.of},
               {"ahead_tokens", place.ahead_tokens}};
  if (place.eta_ms) body["eta_ms"] = *place.eta_ms;
  return {std::move(body)};
}

ServerMessage started_event(const MessageId& stream, const std::string& model,
                            std::int64_t prompt_tokens) {
  return {{{"type", "started"},
           {"stream", to_string(stream)},
           {"model", model},
           {"prompt_tokens", prompt_tokens}}};
}

ServerMessage paused_event(const MessageId& stream, std::int64_t to) {
  return {{{"type", "paused"}, {"stream", to_string(stream)}, {"to", to}}};
}

ServerMessage snapshot_event(const MessageId& stream, std::int64_t to, const std::string& text,
                             const char* state) {
  json parts = json::array();
  const auto [reasoning, answer] = parts_of(text);
  if (!reasoning.empty()) parts.push_back({{"channel", "reasoning"}, {"text", reasoning}});
  parts.push_back({{"channel", "answer"}, {"text", answer}});
  return {{{"type", "snapshot"},
           {"stream", to_string(stream)},
           {"to", to},
           {"parts", std::move(parts)},
           {"state", state}}};
}

ServerMessage done_event(const MessageId& stream, const ReplyEnd& end, bool stored,
                         const std::string& re) {
  json body = {{"type", "done"},
               {"stream", to_string(stream)},
               {"to", end.tokens},
               {"finish_reason", to_string(end.reason)},
               {"stored", stored},
               {"usage", usage_json(end)},
               {"timings", timings_json(end)}};
  if (!re.empty()) body["re"] = re;
  if (end.reason == EndReason::failed) {
    body["error"] = to_json(WireError{.code = end.error_code, .detail = end.error});
  }
  return {std::move(body)};
}

ServerMessage changed_event(const std::optional<ConversationId>& conversation, const char* what,
                            json summary) {
  json body = {{"type", "changed"}};
  if (conversation) body["conversation"] = to_string(*conversation);
  body["what"] = what;
  if (!summary.is_null()) body["summary"] = std::move(summary);
  return {std::move(body)};
}

ServerMessage result_event(const std::string& re, json data) {
  return {{{"type", "result"}, {"re", re}, {"data", std::move(data)}}};
}

ServerMessage error_event(const std::string& re, const WireError& error) {
  json body = {{"type", "error"}};
  if (!re.empty()) body["re"] = re;
  body["error"] = to_json(error);
  return {std::move(body)};
}

ServerMessage model_event(const ModelStatus& status, std::int64_t max_tokens_limit) {
  json body = {{"type", "model"}, {"model", status.id}, {"state", to_string(status.state)}};
  add_progress(body, status);
  if (!status.detail.empty()) body["detail"] = status.detail;
  if (status.info) body["info"] = to_json(status, max_tokens_limit);
  return {std::move(body)};
}

ServerMessage reconnect_event(std::int64_t after_ms, const char* reason) {
  return {{{"type", "reconnect"}, {"after_ms", after_ms}, {"reason", reason}}};
}

ServerMessage pong_event(const std::string& t) {
  return {{{"type", "pong"}, {"t", json::parse(t, nullptr, false)}}};
}

}  // namespace hearth::server
