#include "server/api/account_api.h"

#include <utility>

#include "server/api/cookies.h"
#include "server/api/data_requests.h"
#include "server/api/errors.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

void answer_and_end_cookie(const SessionApi& api, const ResponseRef& response, const json& body) {
  HttpResponse whole;
  whole.headers.push_back({"cache-control", "no-store"});
  whole.headers.push_back({"set-cookie", expired_cookie(api.cookie_name)});
  whole.body = body.dump();
  response->send(std::move(whole));
}

}  // namespace

Handler session_info_handler(SessionApi& api) {
  return [&api](const RequestRef& request, const ResponseRef& response) {
    const User user = *request->user;
    api.service.account().usage(user, [&api, request, response, user](Result<Usage> usage) {
      if (!usage) return refuse(request, response, usage.error());
      answer(response, {{"user", user_json(user)},
                        {"durable", api.durable},
                        {"recovery", usage->has_recovery},
                        {"conversations", usage->conversations},
                        {"messages", usage->messages},
                        {"bytes", usage->bytes},
                        {"quota_bytes", usage->quota_bytes}});
    });
  };
}

Handler recovery_handler(SessionApi& api) {
  return [&api](const RequestRef& request, const ResponseRef& response) {
    if (!object_body(request, response)) return;
    api.service.account().new_phrase(*request->user,
                                     [request, response](Result<std::string> phrase) {
                                       if (!phrase)
                                         return refuse(request, response, phrase.error());
                                       answer(response, {{"phrase", *phrase}});
                                     });
  };
}

Handler forget_handler(SessionApi& api) {
  return [&api](const RequestRef& request, const ResponseRef& response) {
    if (!object_body(request, response)) return;
    api.service.account().leave(*request->user, [&api, request, response](Result<void> left) {
      if (!left) return refuse(request, response, left.error());
      answer_and_end_cookie(api, response, {{"forgotten", true}});
    });
  };
}

Handler erase_handler(SessionApi& api) {
  return [&api](const RequestRef& request, const ResponseRef& response) {
    const auto body = object_body(request, response);
    if (!body) return;
    if (body->value("confirm", nlohmann::json()) != "erase") {
      return refuse(
          request, response,
          wire_error(ErrorCode::invalid_parameter,
                     "This erases everything of yours; say so: confirm must be \"erase\".",
                     "confirm"));
    }
    api.service.account().erase(*request->user, [&api, request, response](Result<void> erased) {
      if (!erased) return refuse(request, response, erased.error());
      answer_and_end_cookie(api, response, {{"erased", true}});
    });
  };
}

}  // namespace hearth::server
