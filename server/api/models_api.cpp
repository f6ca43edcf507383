#include "server/api/models_api.h"

#include <ctime>

#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/reply_writer.h"

namespace hearth::server {

Handler model_list_handler(const ChatService& service) {
  return [&service, created = static_cast<std::int64_t>(std::time(nullptr))](const auto&,
                                                                             const auto& response) {
    HttpResponse answer;
    answer.body = dump_lossy(
        {{"object", "list"},
         {"data", nlohmann::ordered_json::array({model_object(service.model(), created)})}});
    response->send(std::move(answer));
  };
}

Handler model_handler(const ChatService& service) {
  return [&service, created = static_cast<std::int64_t>(std::time(nullptr))](const auto& request,
                                                                             const auto& response) {
    if (request->tail != service.model().id) {
      return response->send(error_response(
          request->path,
          wire_error(ErrorCode::model_not_found, "This server serves no such model.", "model")));
    }
    HttpResponse answer;
    answer.body = dump_lossy(model_object(service.model(), created));
    response->send(std::move(answer));
  };
}

}  // namespace hearth::server
