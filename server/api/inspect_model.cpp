#include "server/api/inspect_model.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_json.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/module_tree.h"
#include "engine/checkpoint/weight_map.h"
#include "server/session/model_info.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

json entry(const std::string& name, const engine::TensorView& view) {
  return {{"name", name},
          {"dtype", engine::name_of(view.dtype)},
          {"shape", view.shape},
          {"bytes", view.bytes.size()}};
}

json statistics(const engine::TensorSummary& summary) {
  return {{"min", summary.min},
          {"max", summary.max},
          {"mean", summary.mean},
          {"standard_deviation", summary.standard_deviation},
          {"num_not_finite", summary.num_not_finite}};
}

json describe(const engine::ModelSpec& spec, const engine::Checkpoint& checkpoint,
              const engine::WeightMap& weights) {
  json dtypes = json::object();
  for (const engine::NamedTensor& tensor : checkpoint.tensors()) {
    const std::string name(engine::name_of(tensor.view.dtype));
    dtypes[name] = dtypes.value(name, std::uint64_t{0}) + tensor.view.bytes.size();
  }
  return {{"spec", engine::to_json(spec)},
          {"parameters", weights.num_parameters()},
          {"weight_bytes", checkpoint.weight_bytes()},
          {"dtypes", std::move(dtypes)},
          {"kv_bytes_per_token",
           {{"fp32", kv_bytes_per_token(spec, 4)}, {"bf16", kv_bytes_per_token(spec, 2)}}},
          {"files", checkpoint.files()},
          {"tree", engine::to_json(make_module_tree(spec, weights))}};
}

}  // namespace

ModelInspection::ModelInspection(Log log) : log_(std::move(log)) {}

tl::unexpected<Error> ModelInspection::unreadable(const Error& error) const {
  log_("the inspector cannot read the model: " + error.detail);
  return fail(ErrorCode::internal, "The model's files cannot be read now.");
}

Result<json> ModelInspection::model(const ModelInfo& info) {
  if (model_.is_null()) {
    const auto spec = engine::load_model_spec(folder_);
    if (!spec) return unreadable(spec.error());
    const auto checkpoint = engine::Checkpoint::open(folder_);
    if (!checkpoint) return unreadable(checkpoint.error());
    const auto weights = engine::WeightMap::match(*checkpoint, *spec);
    if (!weights) return unreadable(weights.error());
    model_ = {{"model", info.id}, {"decoder", info.decoder}};
    model_.update(describe(*spec, *checkpoint, *weights));
  }
  return model_;
}

Result<json> ModelInspection::tensors(const std::string& prefix, const std::string& after,
                                      std::size_t limit) {
  const auto checkpoint = engine::Checkpoint::open(folder_);
  if (!checkpoint) return unreadable(checkpoint.error());
  json body = {{"tensors", json::array()}};
  bool is_behind = after.empty();
  for (const engine::NamedTensor& tensor : checkpoint->tensors()) {
    const bool is_wanted = is_behind && tensor.name.starts_with(prefix);
    is_behind = is_behind || tensor.name == after;
    if (!is_wanted) continue;
    if (body["tensors"].size() == limit) {
      body["next"] = body["tensors"].back()["name"];
      break;
    }
    body["tensors"].push_back(entry(tensor.name, tensor.view));
  }
  return body;
}

Result<json> ModelInspection::tensor(const std::string& name, const engine::TensorWindow& window) {
  const auto checkpoint = engine::Checkpoint::open(folder_);
  if (!checkpoint) return unreadable(checkpoint.error());
  const engine::TensorView* const view = checkpoint->find(name);
  if (!view) return fail(ErrorCode::not_found, "The model has no tensor of this name.");
  const auto rows = engine::read_window(*view, window);
  if (!rows) return tl::unexpected(rows.error());
  auto summary = summaries_.find(name);
  if (summary == summaries_.end()) {
    const auto made = engine::summarise(*view, 0);
    if (!made) return tl::unexpected(made.error());
    if (summaries_.size() == kSummariesMax) summaries_.clear();
    summary = summaries_.emplace(name, *made).first;
  }
  checkpoint->release(*view);
  json body = entry(name, *view);
  body["row"] = window.row;
  body["column"] = window.column;
  body["values"] = *rows;  // what is not finite is written as null
  body["statistics"] = statistics(summary->second);
  return body;
}

}  // namespace hearth::server
