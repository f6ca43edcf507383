// The model's inside: its module tree, its tensors' names, their values (server/PROTOCOL.md §5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_values.h"
#include "engine/checkpoint/tensor_window.h"
#include "server/api/http.h"
#include "server/api/inspect_worker.h"
#include "server/session/chat_service.h"

namespace hearth::server {

// Opens the folder for each question and closes it again: nothing stays mapped beside the decoder's
// own weights. Used by the inspector's worker alone. Errors of all: internal, without a path, when
// the folder can no longer be read; the log says more.
class ModelInspection {
 public:
  using Log = std::function<void(const std::string&)>;

  explicit ModelInspection(Log log);

  // Before the first question.
  void set_folder(std::filesystem::path folder) { folder_ = std::move(folder); }

  Result<nlohmann::ordered_json> model(const ModelInfo& info);
  // Names that begin with `prefix`, behind the one called `after` ("" for the first).
  Result<nlohmann::ordered_json> tensors(const std::string& prefix, const std::string& after,
                                         std::size_t limit);
  // A window outside the tensor is empty. Errors: also not_found, dtype_unsupported.
  Result<nlohmann::ordered_json> tensor(const std::string& name,
                                        const engine::TensorWindow& window);

 private:
  static constexpr std::size_t kSummariesMax = 4096;

  tl::unexpected<Error> unreadable(const Error& error) const;

  std::filesystem::path folder_;
  Log log_;
  nlohmann::ordered_json model_;  // null until it was asked for
  std::unordered_map<std::string, engine::TensorSummary> summaries_;
};

struct InspectModelParts {
  const ChatService& service;
  InspectWorker& worker;
  ModelInspection& model;
};

// GET /api/v1/model, /api/v1/model/tensors and /api/v1/model/tensors/{name}: the tail is the name.
// Errors: as above; busy, model_loading, model_failed.
Handler model_tree_handler(InspectModelParts parts);
Handler tensor_list_handler(InspectModelParts parts);
Handler tensor_handler(InspectModelParts parts);

}  // namespace hearth::server
