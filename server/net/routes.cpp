#include "server/net/routes.h"

#include <utility>

#include "server/api/account_api.h"
#include "server/api/chat_call.h"
#include "server/api/classify_api.h"
#include "server/api/completions_api.h"
#include "server/api/conversation_api.h"
#include "server/api/embeddings_api.h"
#include "server/api/export_api.h"
#include "server/api/health_api.h"
#include "server/api/import_api.h"
#include "server/api/inspect_api.h"
#include "server/api/keys_api.h"
#include "server/api/messages_api.h"
#include "server/api/models_api.h"
#include "server/api/ollama_api.h"
#include "server/api/openai_chat.h"
#include "server/api/openapi.h"
#include "server/api/queue_api.h"
#include "server/api/responses_api.h"
#include "server/api/text_api.h"

namespace hearth::server {
namespace {

constexpr std::size_t kSmallJsonBytesMax = 4 * 1024;

Handler file(const Assets& assets, std::string path) {
  return [&assets, path = std::move(path)](const auto& request, const auto& response) {
    response->send(assets.respond(*request, path));
  };
}

Handler hashed_file(const Assets& assets) {
  return [&assets](const auto& request, const auto& response) {
    response->send(assets.respond(*request, "assets/" + request->tail));
  };
}

std::vector<Route> inspect_routes(ChatService& service, InspectParts& inspect) {
  const InspectModelParts model{service, inspect.worker, inspect.model};
  return {
      {"GET", "/api/v1/inspect/*", Access::user, 0, inspect_handler(service, inspect.worker)},
      {"GET", "/api/v1/model", Access::user, 0, model_tree_handler(model)},
      {"GET", "/api/v1/model/tensors", Access::user, 0, tensor_list_handler(model)},
      {"GET", "/api/v1/model/tensors/*", Access::user, 0, tensor_handler(model)},
  };
}

// What a person has here, and may take along, bring and erase.
std::vector<Route> data_routes(SessionApi& session, std::size_t json_bytes) {
  ChatService& service = session.service;
  const ExportApi files{service, service.info().version, system_clock()};
  return {
      {"GET", "/api/v1/session", Access::user, 0, session_info_handler(session)},
      {"POST", "/api/v1/session/recovery", Access::user, kSmallJsonBytesMax,
       recovery_handler(session)},
      {"POST", "/api/v1/session/forget", Access::user, kSmallJsonBytesMax, forget_handler(session)},
      {"POST", "/api/v1/session/erase", Access::user, kSmallJsonBytesMax, erase_handler(session)},
      {"GET", "/api/v1/export", Access::user, 0, export_handler(files)},
      {"GET", "/api/v1/conversations/*", Access::user, 0, conversation_export_handler(files)},
      {"POST", "/api/v1/import", Access::user, kImportBytesMax,
       import_handler(service, system_clock())},
      {"POST", "/api/v1/chat", Access::user, json_bytes, chat_call_handler(service)},
      {"GET", "/api/v1/streams/*", Access::user, 0,
       stream_events_handler(service, Milliseconds(15'000))},
      {"GET", "/api/v1/queue", Access::user, 0, queue_handler(service)},
      {"GET", "/api/v1/keys", Access::user, 0, list_keys_handler(service)},
      {"POST", "/api/v1/keys", Access::user, kSmallJsonBytesMax, create_key_handler(service)},
      {"DELETE", "/api/v1/keys/*", Access::user, 0, revoke_key_handler(service)},
  };
}

}  // namespace

std::vector<Route> make_routes(const RouteParts& parts) {
  const std::size_t json_bytes = parts.body_bytes;
  std::vector<Route> routes = {
      {"GET", "/healthz", Access::open, 0, health_handler()},
      {"GET", "/health", Access::open, 0, health_handler()},
      {"GET", "/readyz", Access::open, 0, ready_handler(parts.service, parts.is_draining)},
      {"GET", "/openapi.json", Access::open, 0, openapi_handler()},
      {"GET", "/", Access::open, 0, file(parts.assets, "index.html")},
      {"GET", "/assets/*", Access::open, 0, hashed_file(parts.assets)},
      {"POST", "/api/v1/session", Access::session, kSmallJsonBytesMax,
       session_handler(parts.session)},
      {"GET", "/ws", Access::socket, 0, {}},
      {"POST", "/v1/chat/completions", Access::user, json_bytes,
       chat_completions_handler(parts.generations)},
      {"POST", "/v1/completions", Access::user, json_bytes, completions_handler(parts.generations)},
      {"POST", "/v1/responses", Access::user, json_bytes, responses_handler(parts.generations)},
      {"POST", "/v1/messages", Access::user, json_bytes, messages_handler(parts.generations)},
      {"POST", "/v1/messages/count_tokens", Access::user, json_bytes,
       count_tokens_handler(parts.generations)},
      {"POST", "/api/chat", Access::user, json_bytes, ollama_chat_handler(parts.generations)},
      {"POST", "/api/generate", Access::user, json_bytes,
       ollama_generate_handler(parts.generations)},
      {"GET", "/api/tags", Access::user, 0, ollama_tags_handler(parts.generations)},
      {"POST", "/conversation/", Access::user, json_bytes, conversation_handler(parts.generations)},
      {"POST", "/v1/embeddings", Access::user, json_bytes, embeddings_handler(parts.generations)},
      {"POST", "/classify", Access::user, json_bytes, classify_handler(parts.generations)},
      {"POST", "/tokenize", Access::user, json_bytes, tokenize_handler(parts.generations)},
      {"POST", "/detokenize", Access::user, json_bytes, detokenize_handler(parts.generations)},
      {"POST", "/apply-template", Access::user, json_bytes,
       apply_template_handler(parts.generations)},
      {"GET", "/v1/models", Access::user, 0, model_list_handler(parts.service)},
      {"GET", "/v1/models/*", Access::user, 0, model_handler(parts.service)},
  };
  for (const EmbeddedFile& one : parts.assets.files()) {  // what lies at the root: the icon
    if (one.path == "index.html" || one.path.starts_with("assets/")) continue;
    routes.push_back({"GET", "/" + std::string(one.path), Access::open, 0,
                      file(parts.assets, std::string(one.path))});
  }
  for (Route& route : data_routes(parts.session, json_bytes)) routes.push_back(std::move(route));
  if (parts.inspect) {
    for (Route& route : inspect_routes(parts.service, *parts.inspect))
      routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace hearth::server
