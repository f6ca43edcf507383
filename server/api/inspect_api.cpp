#include "server/api/inspect_api.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "server/api/errors.h"
#include "server/api/inspect_json.h"
#include "server/api/inspect_query.h"
#include "server/session/trace_calls.h"

namespace hearth::server {
namespace {

using Request = std::shared_ptr<const HttpRequest>;
using Response = std::shared_ptr<ResponseWriter>;

constexpr std::int64_t kIndexMax = std::int64_t{1} << 31U;
constexpr std::size_t kTokensMax = 256;
constexpr std::size_t kPromptTokensMax = 4096;

void refuse(const Request& request, const Response& response, const WireError& error) {
  response->send(error_response(request->path, error));
}

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

struct Parts {
  ChatService& service;
  InspectWorker& worker;
};

TraceRange range_of(QueryFields& query, std::size_t count_max) {
  const auto from = static_cast<std::size_t>(query.integer("from", 0, kIndexMax, 0));
  const auto to = static_cast<std::size_t>(query.integer("to", 0, kIndexMax, kIndexMax));
  return {from, std::clamp(to, from, from + count_max)};
}

void answer_tokens(const Parts& parts, const Request& request, const Response& response,
                   const MessageId& reply, const std::shared_ptr<const ModelInfo>& model) {
  QueryFields query(request->query);
  const TraceRange range = range_of(query, kTokensMax);
  const auto num_candidates = static_cast<std::size_t>(query.integer("candidates", 0, 64, 20));
  if (query.error()) return refuse(request, response, *query.error());
  parts.service.traces().tokens(
      request->user->id, reply, range, [=, &worker = parts.worker](Result<TracePage> found) {
        if (!found) return refuse(request, response, WireError::of(found.error()));
        auto page = std::make_shared<TracePage>(std::move(*found));
        worker.answer(request->path, response, [page, model, num_candidates, request] {
          if (auto unpacked = unpack(*page); !unpacked)
            return error_response(request->path, WireError::of(unpacked.error()));
          return json_response(inspect_body(*page, *model, num_candidates));
        });
      });
}

void answer_prompt(const Parts& parts, const Request& request, const Response& response,
                   const MessageId& reply, const std::shared_ptr<const ModelInfo>& model) {
  QueryFields query(request->query);
  const TraceRange range = range_of(query, kPromptTokensMax);
  if (query.error()) return refuse(request, response, *query.error());
  parts.service.traces().prompt(
      request->user->id, reply, [=, &worker = parts.worker](Result<TracedPrompt> found) {
        if (!found) return refuse(request, response, WireError::of(found.error()));
        auto prompt = std::make_shared<const TracedPrompt>(std::move(*found));
        worker.answer(request->path, response, [prompt, model, range] {
          return json_response(prompt_body(*prompt, *model, range));
        });
      });
}

WireError not_ready(ModelState state) {
  if (state == ModelState::failed)
    return wire_error(ErrorCode::model_failed,
                      "The model could not be loaded; the operator has to act.");
  return wire_error(ErrorCode::model_loading, "The model is loading.");
}

}  // namespace

Handler inspect_handler(ChatService& service, InspectWorker& worker) {
  return [parts = Parts{service, worker}](const Request& request, const Response& response) {
    constexpr std::string_view kPrompt = "/prompt";
    std::string_view tail = request->tail;
    const bool wants_prompt = tail.ends_with(kPrompt);
    if (wants_prompt) tail.remove_suffix(kPrompt.size());
    const auto reply = parse_id<MessageId>(tail);
    if (!reply) {
      return refuse(request, response,
                    wire_error(ErrorCode::not_found, "There is no such id here."));
    }
    const ModelStatus& model = parts.service.model();
    if (!model.info) return refuse(request, response, not_ready(model.state));
    const auto answer = wants_prompt ? answer_prompt : answer_tokens;
    answer(parts, request, response, *reply, model.info);
  };
}

}  // namespace hearth::server
