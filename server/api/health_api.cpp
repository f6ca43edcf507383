#include "server/api/health_api.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "server/api/errors.h"
#include "server/session/events.h"

namespace hearth::server {
namespace {

HttpResponse json_response(const nlohmann::ordered_json& body) {
  HttpResponse response;
  response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return response;
}

HttpResponse not_ready(const ModelStatus& model) {
  const bool failed = model.state == ModelState::failed;
  const WireError error = wire_error(failed ? ErrorCode::model_failed : ErrorCode::model_loading,
                                     failed ? model.detail : "The model is loading.");
  HttpResponse response = error_response("/readyz", error);
  nlohmann::ordered_json body = nlohmann::ordered_json::parse(response.body);
  body["model"] = {{"id", model.id}, {"state", to_string(model.state)}};
  add_progress(body["model"], model);
  response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return response;
}

}  // namespace

Handler health_handler() {
  return [](const auto&, const auto& response) {
    response->send(json_response({{"status", "ok"}}));
  };
}

Handler ready_handler(const ChatService& service, std::function<bool()> is_draining) {
  return [&service, is_draining = std::move(is_draining)](const auto& request,
                                                          const auto& response) {
    if (is_draining()) {
      return response->send(error_response(
          request->path, wire_error(ErrorCode::shutting_down, "The server is about to restart.")));
    }
    const ModelStatus& model = service.model();
    if (model.state != ModelState::ready) return response->send(not_ready(model));
    response->send(json_response({{"status", "ready"}, {"model", model.id}}));
  };
}

}  // namespace hearth::server
