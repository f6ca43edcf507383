#include "engine/cli/chat/local_backend.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "engine/cli/local_reply.h"
#include "engine/cli/model_folder.h"
#include "engine/runtime/engine.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kDefaultMaxTokens = 4096;
constexpr std::int64_t kRoomForReply = 256;  // kept free of older messages

class LocalBackend final : public ChatBackend {
 public:
  LocalBackend(ModelFolder folder, std::unique_ptr<StepRunner> runner)
      : folder_(std::move(folder)),
        traits_(runner->traits()),
        engine_(std::move(runner), [this](std::span<const RequestId>) { signal_.raise(); }) {
    folder_.checkpoint.reset();  // the weights are loaded
  }

  std::string description() const override {
    const std::filesystem::path path =
        folder_.path.has_filename() ? folder_.path : folder_.path.parent_path();
    return path.filename().string() + ", " + traits_.description;
  }

  Result<ChatAnswer> reply(const nlohmann::ordered_json& messages, const SamplingFlags& settings,
                           const std::function<void(std::string_view)>& show,
                           int interrupt_fd) override {
    auto request = make_request(messages, settings);
    if (!request) return tl::unexpected(request.error());
    const auto num_prompt = static_cast<std::int64_t>(request->prompt_ids.size());
    const auto stream = engine_.submit(std::move(*request));
    LocalReply reply =
        follow_reply(engine_, signal_, *stream, folder_.tokenizer,
                     {.stop = settings.stop, .show = show, .interrupt_fd = interrupt_fd});
    if (reply.finish_reason == "failed")
      return fail(ErrorCode::engine_failed, reply.finished.error + ".");
    return ChatAnswer{std::move(reply.text), std::move(reply.finish_reason), num_prompt,
                      static_cast<std::int64_t>(reply.ids.size())};
  }

 private:
  Result<std::vector<TokenId>> encode(const nlohmann::ordered_json& messages) const {
    TemplateVariables variables;
    variables.messages = messages;
    for (const auto& token : folder_.tokenizer->named_special_tokens())
      variables.extra[token.name] = token.text;
    const auto rendered = folder_.chat_template->render(variables);
    if (!rendered) return tl::unexpected(rendered.error());
    return folder_.tokenizer->encode(
        *rendered, {.add_special_tokens = folder_.chat_template->leaves_bos_to_tokenizer()});
  }

  Result<GenerationRequest> make_request(const nlohmann::ordered_json& messages,
                                         const SamplingFlags& settings) {
    auto ids = encode(messages);
    if (!ids) return tl::unexpected(ids.error());
    const auto sampling = resolve(settings.sampling, folder_.generation.sampling);
    if (!sampling) return tl::unexpected(sampling.error());
    const auto num_prompt = static_cast<std::int64_t>(ids->size());
    const std::int64_t wanted = settings.max_new_tokens.value_or(
        folder_.generation.max_new_tokens.value_or(kDefaultMaxTokens));
    const std::int64_t room = traits_.context_length - num_prompt;
    if (room < std::min({wanted, kRoomForReply, traits_.context_length / 4})) {
      return fail(ErrorCode::context_length_exceeded,
                  "The messages have " + std::to_string(num_prompt) +
                      " tokens; the context holds " + std::to_string(traits_.context_length) + ".");
    }
    GenerationRequest request;
    request.id = ++last_id_;
    request.prompt_ids = std::move(*ids);
    request.sampling = *sampling;
    request.stop_ids = folder_.generation.eos_token_ids;
    request.ignore_eos = settings.ignore_eos;
    request.seed = settings.seed.value_or(std::random_device{}());
    request.max_tokens = std::min(wanted, room);
    return request;
  }

  ModelFolder folder_;
  RunnerTraits traits_;
  StepSignal signal_;
  RequestId last_id_ = 0;
  Engine engine_;  // the last: its thread raises signal_
};

}  // namespace

Result<std::unique_ptr<ChatBackend>> open_local_backend(const std::filesystem::path& path,
                                                        const RunnerOptions& options) {
  auto folder = open_model_folder(path);
  if (!folder) return tl::unexpected(std::move(folder.error()));
  if (folder->spec.is_classifier()) {
    return fail(ErrorCode::architecture_unsupported,
                path.string() + " holds a classifier, which cannot chat; try hearth classify.");
  }
  if (folder->chat_template == nullptr) {
    return fail(ErrorCode::file_missing,
                path.string() + " has no chat template, and Hearth knows none for its family.");
  }
  auto runner = load_runner(*folder, options, {});
  if (!runner) return tl::unexpected(std::move(runner.error()));
  return std::make_unique<LocalBackend>(std::move(*folder), std::move(*runner));
}

}  // namespace hearth::engine
