#include "server/api/embeddings_api.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
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
constexpr std::int64_t kDimensionsMax = 1'000'000;

Parsed<PromptInput> read_one(const json& input, const std::string& param) {
  if (input.is_string()) {
    if (input.get_ref<const std::string&>().empty()) return invalid(param, param + " is empty.");
    return PromptInput{TextPrompt{input.get<std::string>(), true, false}};
  }
  auto ids = read_ids(input, param);
  if (!ids) return tl::unexpected(ids.error());
  if (ids->empty()) return invalid(param, param + " is empty.");
  return PromptInput{std::move(*ids)};
}

Parsed<std::vector<PromptInput>> read_inputs(const json& body) {
  const auto input = body.find("input");
  if (input == body.end()) return invalid("input", "input is missing.");
  const bool is_list = input->is_array() && !input->empty() && !input->front().is_number();
  if (is_list && input->size() > kInputsMax)
    return invalid("input", "input may be a list of at most 256 texts.");
  std::vector<PromptInput> inputs;
  for (std::size_t i = 0; i < (is_list ? input->size() : 1); ++i) {
    auto one = is_list ? read_one((*input)[i], "input[" + std::to_string(i) + "]")
                       : read_one(*input, "input");
    if (!one) return tl::unexpected(one.error());
    inputs.push_back(std::move(*one));
  }
  return inputs;
}

// RFC 4648 §4, of the numbers as little-endian floats.
std::string base64_of(const std::vector<float>& values) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((bits >> shift) & 0xFF);
  }
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : kDigits[(group >> (18 - 6 * k)) & 63];
  }
  return out;
}

class EmbeddingFormat final : public ReplyFormat {
 public:
  EmbeddingFormat(ReplyIdentity identity, const EmbeddingRequest& wanted)
      : identity_(std::move(identity)),
        is_base64_(wanted.is_base64),
        dimensions_(wanted.dimensions) {}

  std::string whole(const Generation& generation) override {
    const bool is_normalized = generation.model().embedding.is_normalized;
    ordered_json data = ordered_json::array();
    for (const Choice& choice : generation.choices()) {
      const std::vector<float> values =
          shape_embedding(choice.values(), is_normalized, dimensions_);
      data.push_back(
          {{"object", "embedding"},
           {"index", choice.prompt},
           {"embedding", is_base64_ ? ordered_json(base64_of(values)) : ordered_json(values)}});
    }
    const std::int64_t count = generation.prompt_tokens();
    return dump_lossy({{"object", "list"},
                       {"data", std::move(data)},
                       {"model", identity_.model},
                       {"usage", {{"prompt_tokens", count}, {"total_tokens", count}}}});
  }
  std::string begin(const Generation&) override { return {}; }
  std::string news(const Generation&) override { return {}; }
  std::string end(const Generation&) override { return {}; }
  std::string failed(const WireError&) override { return {}; }

 private:
  ReplyIdentity identity_;
  bool is_base64_;
  std::optional<std::int64_t> dimensions_;
};

}  // namespace

Parsed<EmbeddingRequest> parse_embedding(std::string_view text) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  EmbeddingRequest request;
  request.spec.prompt_param = "input";
  auto inputs = read_inputs(body->checked);
  if (!inputs) return tl::unexpected(inputs.error());
  request.spec.prompts = std::move(*inputs);
  if (auto read = read_names(body->checked, request.spec); !read)
    return tl::unexpected(read.error());
  Fields fields(body->checked, "");
  const std::string format = fields.text("encoding_format", 1, 16).value_or("float");
  if (fields.ok() && format != "float" && format != "base64")
    fields.fail(ErrorCode::invalid_parameter, "encoding_format",
                "encoding_format must be float or base64.");
  request.is_base64 = format == "base64";
  request.dimensions = fields.integer("dimensions", 1, kDimensionsMax);
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return request;
}

std::vector<float> shape_embedding(const std::vector<float>& values, bool is_normalized,
                                   std::optional<std::int64_t> dimensions) {
  std::vector<float> out = values;
  if (dimensions) out.resize(static_cast<std::size_t>(*dimensions));
  double sum = 0.0;
  for (const float value : out) sum += static_cast<double>(value) * static_cast<double>(value);
  if (!is_normalized || sum == 0.0) return out;
  const double length = std::sqrt(sum);
  for (float& value : out) value = static_cast<float>(static_cast<double>(value) / length);
  return out;
}

Handler embeddings_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_embedding(request->body);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    wanted->spec.output = engine::RequestOutput::mean_state;  // a model that loads refuses anyway
    if (const auto& model = generations.service().model().info) {
      wanted->spec.output = model->embedding.state;
      if (wanted->dimensions > model->embedding.size) {
        return response->send(error_response(
            request->path, wire_error(ErrorCode::invalid_parameter,
                                      "The model's vectors have " +
                                          std::to_string(model->embedding.size) + " dimensions.",
                                      "dimensions")));
      }
    }
    auto format =
        std::make_unique<EmbeddingFormat>(identity_of(generations, "embd-", request->id), *wanted);
    write_reply(generations, std::move(request), std::move(response), std::move(wanted->spec),
                std::move(format), false);
  };
}

}  // namespace hearth::server
