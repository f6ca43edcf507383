#include "server/api/keys_api.h"

#include <cstdint>
#include <utility>

#include "server/api/data_requests.h"
#include "server/api/errors.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

constexpr std::int64_t kMsMax = 253'402'300'799'000;  // the year 9999

json key_json(const Credential& key) {
  json body = {{"id", key_id(key.hash)},
               {"label", key.label},
               {"scope", key.scopes},
               {"created", key.created_ms}};
  if (key.expires_ms) body["expires"] = *key.expires_ms;
  return body;
}

tl::expected<KeyWish, WireError> parse_wish(const nlohmann::json& body) {
  Fields fields(body, "");
  KeyWish wish{.label = fields.text("label", 0, 120).value_or("")};
  const std::string scope = fields.text("scope", 1, 16).value_or("chat");
  wish.expires_ms = fields.integer("expires", 0, kMsMax);
  if (fields.error()) return tl::unexpected(*fields.error());
  if (scope != "chat" && scope != "read") {
    return tl::unexpected(
        wire_error(ErrorCode::invalid_parameter, "scope is chat or read.", "scope"));
  }
  wish.scope = scope == "read" ? Scope::read : Scope::chat;
  return wish;
}

}  // namespace

Handler list_keys_handler(ChatService& service) {
  return [&service](const RequestRef& request, const ResponseRef& response) {
    service.account().list_keys(*request->user,
                                [request, response](Result<std::vector<Credential>> keys) {
                                  if (!keys) return refuse(request, response, keys.error());
                                  json list = json::array();
                                  for (const Credential& key : *keys) list.push_back(key_json(key));
                                  answer(response, {{"keys", std::move(list)}});
                                });
  };
}

Handler create_key_handler(ChatService& service) {
  return [&service](const RequestRef& request, const ResponseRef& response) {
    const auto body = object_body(request, response);
    if (!body) return;
    auto wish = parse_wish(*body);
    if (!wish) return refuse(request, response, wish.error());
    service.account().create_key(*request->user, std::move(*wish),
                                 [request, response](Result<NewKey> made) {
                                   if (!made) return refuse(request, response, made.error());
                                   json shown = key_json(made->credential);
                                   shown["key"] = made->secret;
                                   answer(response, shown, 201);
                                 });
  };
}

Handler revoke_key_handler(ChatService& service) {
  return [&service](const RequestRef& request, const ResponseRef& response) {
    service.account().revoke_key(*request->user, request->tail,
                                 [request, response](Result<void> revoked) {
                                   if (!revoked) return refuse(request, response, revoked.error());
                                   answer(response, {{"revoked", true}});
                                 });
  };
}

}  // namespace hearth::server
