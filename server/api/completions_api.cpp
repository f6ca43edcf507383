#include "server/api/completions_api.h"

#include <algorithm>
#include <utility>

#include "engine/text/tokenizer.h"
#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/reply_writer.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}: parallel lists.
class TokenLists {
 public:
  TokenLists(const engine::Tokenizer& tokenizer, std::size_t offset)
      : tokenizer_(tokenizer), offset_(offset) {}

  void add_first(TokenId id) {
    const std::string text = text_of(id);
    push(text, nullptr, nullptr);
  }
  void add(const std::string& text, const engine::TokenStream& tokens, std::size_t place) {
    ordered_json top = ordered_json::object();
    for (const engine::TopLogprob& one : tokens.top_logprobs(place))
      top[text_of(one.id)] = one.logprob;
    push(text, tokens.token(place).logprob, std::move(top));
  }
  std::string text_of(TokenId id) const { return tokenizer_.decode(std::span(&id, 1), false); }
  ordered_json take() {
    return {{"tokens", std::move(tokens_)},
            {"token_logprobs", std::move(logprobs_)},
            {"top_logprobs", std::move(tops_)},
            {"text_offset", std::move(offsets_)}};
  }

 private:
  void push(const std::string& text, ordered_json logprob, ordered_json top) {
    tokens_.push_back(text);
    logprobs_.push_back(std::move(logprob));
    tops_.push_back(std::move(top));
    offsets_.push_back(offset_);
    offset_ += text.size();
  }

  const engine::Tokenizer& tokenizer_;
  std::size_t offset_;
  ordered_json tokens_ = ordered_json::array();
  ordered_json logprobs_ = ordered_json::array();
  ordered_json tops_ = ordered_json::array();
  ordered_json offsets_ = ordered_json::array();
};

class CompletionFormat final : public ReplyFormat {
 public:
  CompletionFormat(ReplyIdentity identity, const CompletionRequest& wanted)
      : identity_(std::move(identity)),
        prompts_(wanted.spec.prompts),
        include_usage_(wanted.include_usage),
        echo_(wanted.echo),
        hides_reply_(wanted.hides_reply),
        logprobs_(wanted.logprobs.has_value()) {}

  std::string whole(const Generation& generation) override {
    ordered_json body = object_head(identity_, "text_completion");
    body["choices"] = ordered_json::array();
    for (std::size_t i = 0; i < generation.choices().size(); ++i) {
      const Choice& choice = generation.choices()[i];
      ordered_json one = object(generation, i, 0);
      one["stop_reason"] = stop_reason(choice);
      one["prompt_logprobs"] = prompt_logprobs_object(generation, choice);
      body["choices"].push_back(std::move(one));
    }
    body["usage"] = usage_of(generation);
    return dump_lossy(body);
  }

  std::string begin(const Generation& generation) override {
    sent_.resize(generation.choices().size());
    return {};
  }

  std::string news(const Generation& generation) override {
    std::string out;
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      const Choice& choice = generation.choices()[i];
      Sent& sent = sent_[i];
      const bool has_news = choice.text && (choice.text->to() > sent.tokens || choice.end);
      if (sent.is_over || !has_news) continue;
      ordered_json body = object_head(identity_, "text_completion");
      body["choices"] = ordered_json::array({object(generation, i, sent.tokens)});
      out += sse_event(body);
      sent.tokens = choice.text->to();
      sent.is_over = choice.end.has_value();
    }
    return out;
  }

  std::string failed(const WireError& error) override { return sse_event(openai_error(error)); }

  std::string end(const Generation& generation) override {
    std::string out;
    if (include_usage_) {
      ordered_json body = object_head(identity_, "text_completion");
      body["choices"] = ordered_json::array();
      body["usage"] = usage_of(generation);
      out = sse_event(body);
    }
    return out + "data: [DONE]\n\n";
  }

 private:
  struct Sent {
    std::size_t tokens = 0;
    bool is_over = false;
  };

  ordered_json usage_of(const Generation& generation) const {
    ordered_json usage = usage_object(generation);
    if (hides_reply_) {
      usage["completion_tokens"] = 0;
      usage["total_tokens"] = usage["prompt_tokens"];
    }
    return usage;
  }

  std::string prompt_text(const Generation& generation, const Choice& choice) const {
    const auto* const text = std::get_if<TextPrompt>(&prompts_[choice.prompt]);
    return text ? text->text
                : generation.model().tokenizer->decode(generation.prompts()[choice.prompt].ids,
                                                       false);
  }

  ordered_json object(const Generation& generation, std::size_t index, std::size_t from) const {
    const Choice& choice = generation.choices()[index];
    const Delta delta = choice.text->slice({}, from);
    std::string text = hides_reply_ ? std::string() : delta.text;
    if (echo_ && from == 0) text.insert(0, prompt_text(generation, choice));
    const bool is_length = hides_reply_ || choice.end == GenerationEnd::length;
    ordered_json reason = nullptr;
    if (choice.end) reason = is_length ? "length" : "stop";
    return {{"index", index},
            {"text", std::move(text)},
            {"logprobs", logprobs_ ? lists(generation, choice, delta) : ordered_json(nullptr)},
            {"finish_reason", std::move(reason)}};
  }

  ordered_json lists(const Generation& generation, const Choice& choice, const Delta& delta) const {
    const engine::Tokenizer& tokenizer = *generation.model().tokenizer;
    const std::size_t before = echo_ ? prompt_text(generation, choice).size() : 0;
    const std::string_view shown = choice.text->text();
    const std::size_t begin = shown.size() - delta.text.size();
    const bool with_prompt = echo_ && delta.from == 0;
    TokenLists lists(tokenizer, with_prompt ? 0 : before + begin);
    if (with_prompt) {
      const std::vector<TokenId>& ids = generation.prompts()[choice.prompt].ids;
      lists.add_first(ids.front());
      for (std::size_t i = 0; i < choice.num_scored; ++i)
        lists.add(lists.text_of(ids[i + 1]), *choice.tokens, i);
    }
    std::size_t at = 0;
    for (std::size_t i = delta.from; i < delta.to && !hides_reply_; ++i) {
      const std::size_t size = delta.bytes[i - delta.from];
      lists.add(delta.text.substr(at, size), *choice.tokens, choice.num_scored + i);
      at += size;
    }
    return lists.take();
  }

  ReplyIdentity identity_;
  std::vector<PromptInput> prompts_;
  bool include_usage_;
  bool echo_;
  bool hides_reply_;
  bool logprobs_;
  std::vector<Sent> sent_;
};

}  // namespace

Handler completions_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_completion(request->body, generations.ports().max_tokens);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    auto format =
        std::make_unique<CompletionFormat>(identity_of(generations, "cmpl-", request->id), *wanted);
    write_reply(generations, std::move(request), std::move(response), std::move(wanted->spec),
                std::move(format), wanted->stream);
  };
}

}  // namespace hearth::server
