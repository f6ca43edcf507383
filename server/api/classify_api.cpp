#include "server/api/classify_api.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/reply_writer.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kInputsMax = 256;

Parsed<PromptInput> read_one(const json& input, const std::string& param) {
  PairPrompt prompt;
  if (input.is_string()) {
    prompt.text = input.get<std::string>();
  } else if (input.is_object() && input.contains("text") && input["text"].is_string()) {
    prompt.text = input["text"].get<std::string>();
    const auto pair = input.find("text_pair");
    if (pair != input.end() && !pair->is_null()) {
      if (!pair->is_string()) return invalid(param + ".text_pair", "text_pair must be a text.");
      prompt.pair = pair->get<std::string>();
    }
  } else {
    return invalid(param, param + " must be a text, or an object with text and text_pair.");
  }
  return PromptInput{std::move(prompt)};
}

class ClassifyFormat final : public ReplyFormat {
 public:
  explicit ClassifyFormat(ReplyIdentity identity) : identity_(std::move(identity)) {}

  std::string whole(const Generation& generation) override {
    const ClassInfo& classes = generation.model().classes;
    ordered_json data = ordered_json::array();
    for (const Choice& choice : generation.choices()) {
      const std::vector<float>& scores = choice.values();
      const auto best =
          static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      data.push_back({{"index", choice.prompt},
                      {"label", best < classes.names.size() ? classes.names[best]
                                                            : "LABEL_" + std::to_string(best)},
                      {"probs", class_probabilities(scores, classes.kind)},
                      {"logits", scores},
                      {"num_classes", scores.size()}});
    }
    const std::int64_t count = generation.prompt_tokens();
    return dump_lossy({{"id", identity_.id},
                       {"object", "list"},
                       {"created", identity_.created},
                       {"model", identity_.model},
                       {"data", std::move(data)},
                       {"usage", {{"prompt_tokens", count}, {"total_tokens", count}}}});
  }
  std::string begin(const Generation&) override { return {}; }
  std::string news(const Generation&) override { return {}; }
  std::string end(const Generation&) override { return {}; }
  std::string failed(const WireError&) override { return {}; }

 private:
  ReplyIdentity identity_;
};

}  // namespace

Parsed<GenerationSpec> parse_classify(std::string_view text) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  GenerationSpec spec;
  spec.output = engine::RequestOutput::class_scores;
  spec.prompt_param = "input";
  if (auto read = read_names(body->checked, spec); !read) return tl::unexpected(read.error());
  const auto input = body->checked.find("input");
  if (input == body->checked.end()) return invalid("input", "input is missing.");
  const bool is_list = input->is_array();
  if (is_list && (input->empty() || input->size() > kInputsMax))
    return invalid("input", "input may be a list of 1 to 256 texts.");
  for (std::size_t i = 0; i < (is_list ? input->size() : 1); ++i) {
    auto one = is_list ? read_one((*input)[i], "input[" + std::to_string(i) + "]")
                       : read_one(*input, "input");
    if (!one) return tl::unexpected(one.error());
    spec.prompts.push_back(std::move(*one));
  }
  return spec;
}

std::vector<double> class_probabilities(const std::vector<float>& scores, engine::ScoreKind kind) {
  std::vector<double> out(scores.begin(), scores.end());
  if (kind == engine::ScoreKind::regression) return out;
  if (kind == engine::ScoreKind::multi_label) {
    for (double& value : out) value = 1.0 / (1.0 + std::exp(-value));
    return out;
  }
  const double highest = *std::max_element(out.begin(), out.end());
  double sum = 0.0;
  for (double& value : out) sum += value = std::exp(value - highest);
  for (double& value : out) value /= sum;
  return out;
}

Handler classify_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto spec = parse_classify(request->body);
    if (!spec) return response->send(error_response(request->path, spec.error()));
    auto format =
        std::make_unique<ClassifyFormat>(identity_of(generations, "classify-", request->id));
    write_reply(generations, std::move(request), std::move(response), std::move(*spec),
                std::move(format), false);
  };
}

}  // namespace hearth::server
