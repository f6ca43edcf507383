// The handlers of inspect_model.h.
#include <utility>

#include "server/api/errors.h"
#include "server/api/inspect_json.h"
#include "server/api/inspect_model.h"
#include "server/api/inspect_query.h"
#include "server/session/model_info.h"

namespace hearth::server {
namespace {

using Request = std::shared_ptr<const HttpRequest>;
using Response = std::shared_ptr<ResponseWriter>;
using Answer = Result<nlohmann::ordered_json>;

constexpr std::size_t kNameBytesMax = 512;
constexpr std::int64_t kWindowMax = 64;
constexpr std::int64_t kPlaceMax = std::int64_t{1} << 40U;

// A folder that is being loaded is checked already, but may be replaced as long as it is not
// served.
std::optional<WireError> not_ready(const ModelStatus& model) {
  if (model.state == ModelState::ready) return std::nullopt;
  if (model.state == ModelState::failed)
    return wire_error(ErrorCode::model_failed,
                      "The model could not be loaded; the operator has to act.");
  return wire_error(ErrorCode::model_loading, "The model is loading.");
}

HttpResponse response_of(const std::string& path, const Answer& answer) {
  if (!answer) return error_response(path, WireError::of(answer.error()));
  HttpResponse response;
  response.body = to_text(*answer);
  return response;
}

// Reads the query, then asks on the worker.
template <class Read>
Handler handler(const InspectModelParts& parts, Read read) {
  return [parts, read](const Request& request, const Response& response) {
    QueryFields query(request->query);
    auto ask = read(query, *request);
    auto error = query.error();
    if (!error) error = not_ready(parts.service.model());
    if (error) return response->send(error_response(request->path, *error));
    parts.worker.answer(request->path, response,
                        [&model = parts.model, info = parts.service.model().info, ask, request] {
                          return response_of(request->path, ask(model, *info));
                        });
  };
}

}  // namespace

Handler model_tree_handler(InspectModelParts parts) {
  return handler(parts, [](QueryFields&, const HttpRequest&) {
    return [](ModelInspection& model, const ModelInfo& info) { return model.model(info); };
  });
}

Handler tensor_list_handler(InspectModelParts parts) {
  return handler(parts, [](QueryFields& query, const HttpRequest&) {
    return
        [prefix = query.text("prefix", kNameBytesMax), after = query.text("after", kNameBytesMax),
         limit = static_cast<std::size_t>(query.integer("limit", 1, 1000, 100))](
            ModelInspection& model, const ModelInfo&) {
          return model.tensors(prefix, after, limit);
        };
  });
}

Handler tensor_handler(InspectModelParts parts) {
  return handler(parts, [](QueryFields& query, const HttpRequest& request) {
    const engine::TensorWindow window{.row = query.integer("row", 0, kPlaceMax, 0),
                                      .num_rows = query.integer("rows", 0, kWindowMax, 12),
                                      .column = query.integer("column", 0, kPlaceMax, 0),
                                      .num_columns = query.integer("columns", 0, kWindowMax, 40)};
    return [window, name = request.tail](ModelInspection& model, const ModelInfo&) {
      return model.tensor(name, window);
    };
  });
}

}  // namespace hearth::server
