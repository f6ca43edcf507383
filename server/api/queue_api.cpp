#include "server/api/queue_api.h"

#include "server/api/data_requests.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

json own_json(const QueueView::Own& own) {
  json body = {{"stream", to_string(own.stream)},
               {"conversation", to_string(own.conversation)},
               {"state", own.state}};
  if (!own.place) return body;
  body["position"] = own.place->position;
  body["of"] = own.place->of;
  body["ahead_tokens"] = own.place->ahead_tokens;
  if (own.place->eta_ms) body["eta_ms"] = *own.place->eta_ms;
  return body;
}

}  // namespace

Handler queue_handler(ChatService& service) {
  return [&service](const RequestRef& request, const ResponseRef& response) {
    const QueueView view = service.queue_of(request->user->id);
    json replies = json::array();
    for (const QueueView::Own& own : view.own) replies.push_back(own_json(own));
    answer(response, {{"running", view.running},
                      {"queued", view.queued},
                      {"taken", view.taken},
                      {"places", view.places},
                      {"replies", std::move(replies)}});
  };
}

}  // namespace hearth::server
