#include "server/api/openapi.h"

#include <utility>

namespace hearth::server {

Handler openapi_handler() {
  return [](const auto&, const auto& response) {
    HttpResponse answer;
    answer.body = openapi_text();
    response->send(std::move(answer));
  };
}

}  // namespace hearth::server
