#include "engine/cli/inspect_tensor.h"

#include <iomanip>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/tensor_values.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownValues = 64;

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

std::string size_text(double bytes) {
  std::ostringstream text;
  const bool is_large = bytes >= 1e10;
  text << std::fixed << std::setprecision(1) << bytes / (is_large ? 1e9 : 1e6)
       << (is_large ? " GB" : " MB");
  return text.str();
}

void show_tensor(const std::string& folder, const std::string& name, bool as_json) {
  const Checkpoint checkpoint = value_of(Checkpoint::open(folder));
  const TensorView* view = checkpoint.find(name);
  if (view == nullptr) {
    give_up({ErrorCode::tensor_missing,
             folder + " has no tensor \"" + name + "\"; the first of its " +
                 std::to_string(checkpoint.tensors().size()) + " is \"" +
                 (checkpoint.tensors().empty() ? "" : checkpoint.tensors().front().name) + "\"."});
  }
  const TensorSummary summary = value_of(summarise(*view, kShownValues));
  if (as_json) {
    const Json json = {{"name", name},
                       {"dtype", name_of(view->dtype)},
                       {"shape", view->shape},
                       {"bytes", view->bytes.size()},
                       {"min", summary.min},
                       {"max", summary.max},
                       {"mean", summary.mean},
                       {"std", summary.standard_deviation},
                       {"num_not_finite", summary.num_not_finite},
                       {"values", summary.first}};
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << name << "  " << name_of(view->dtype) << ' ' << format_shape(view->shape) << "  "
            << grouped(view->bytes.size()) << " bytes\nmin " << summary.min << "  max "
            << summary.max << "  mean " << summary.mean << "  std " << summary.standard_deviation
            << "  not finite " << summary.num_not_finite << '\n';
  for (std::size_t i = 0; i < summary.first.size(); ++i) {
    std::cout << std::setw(14) << summary.first[i] << ((i + 1) % 8 == 0 ? "\n" : "");
  }
  const auto shown = static_cast<std::int64_t>(summary.first.size());
  if (shown % 8 != 0) std::cout << '\n';
  if (shown < view->num_elements()) {
    std::cout << "… " << view->num_elements() - shown << " more\n";
  }
}

}  // namespace hearth::engine
