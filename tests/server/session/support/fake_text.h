// A tokenizer of bytes (one byte, one token; 256 is the end mark), a template that is easy to read,
// and a text worker by hand.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "server/session/protocol.h"
#include "server/session/text_port.h"

namespace hearth::server::testing {

inline constexpr TokenId kEndToken = 256;

class ByteTokenizer final : public engine::Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view utf8,
                                      engine::EncodeOptions /*options*/) const override {
    std::vector<TokenId> ids;
    for (const char c : utf8) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  Result<std::vector<TokenId>> encode(const engine::MarkedText& text,
                                      engine::EncodeOptions options) const override {
    return encode(text.text(), options);
  }
  // Valid UTF-8 only: the bytes of an unfinished or broken character become U+FFFD, as the contract
  // says.
  std::string decode(std::span<const TokenId> ids, bool /*skip_special_tokens*/) const override {
    std::string bytes;
    for (const TokenId id : ids) {
      if (id < kEndToken) bytes += static_cast<char>(id);
    }
    std::string quoted;
    append_json_string(quoted, bytes);
    return nlohmann::json::parse(quoted).get<std::string>();
  }
  std::optional<std::string> id_to_token(TokenId id) const override {
    if (id == kEndToken) return "<end>";
    return id >= 0 && id < kEndToken ? std::optional(std::string(1, static_cast<char>(id)))
                                     : std::nullopt;
  }
  std::optional<TokenId> token_to_id(std::string_view token) const override {
    return token.size() == 1 ? std::optional<TokenId>(static_cast<unsigned char>(token[0]))
                             : std::nullopt;
  }
  bool is_special(TokenId id) const override { return id == kEndToken; }
  std::size_t vocab_size() const override { return kEndToken + 1; }
  const std::vector<NamedToken>& named_special_tokens() const override { return named_; }

 private:
  std::vector<NamedToken> named_{{"eos_token", "<end>"}};
};

// "user:hello|assistant:hi|>": a role, a colon, the content, a bar; then the mark of the reply.
class PlainTemplate final : public engine::ChatTemplate {
 public:
  Result<engine::MarkedText> render(const engine::TemplateVariables& variables) const override {
    engine::MarkedText text;
    for (const auto& message : variables.messages) {
      const std::string content = message["content"];
      if (content == "REFUSE") return fail(ErrorCode::template_raised, "This template refuses.");
      text.append(message["role"].get<std::string>() + ":", engine::Origin::from_template);
      text.append(content, engine::Origin::from_message);
      text.append("|", engine::Origin::from_template);
    }
    text.append(">", engine::Origin::from_template);
    return text;
  }
  const std::string& source() const override { return source_; }
  bool leaves_bos_to_tokenizer() const override { return false; }

 private:
  std::string source_ = "test";
};

inline std::shared_ptr<const ModelInfo> byte_model(std::int64_t context_length = 1000) {
  auto model = std::make_shared<ModelInfo>();
  model->id = "test";
  model->name = "Test model";
  model->context_length = context_length;
  model->eos_ids = {kEndToken};
  model->decoder = "fake";
  model->fingerprint = "fp";
  model->tokenizer = std::make_shared<ByteTokenizer>();
  model->chat_template = std::make_shared<PlainTemplate>();
  return model;
}

inline std::string text_of(const std::vector<TokenId>& ids) {
  return ByteTokenizer().decode(ids, true);
}

// Builds when told to.
class FakeText final : public TextPort {
 public:
  void build(PromptJob job, Done done) override {
    jobs.emplace_back(std::move(job), std::move(done));
  }

  void perform(std::function<void()> work, std::function<void()> done) override {
    others.emplace_back(std::move(work), std::move(done));
  }

  bool work() {
    if (!others.empty()) {
      const auto [job, done] = std::move(others.front());
      others.pop_front();
      job();
      done();
      return true;
    }
    if (jobs.empty()) return false;
    auto [job, done] = std::move(jobs.front());
    jobs.pop_front();
    done(build_prompt(job));
    return true;
  }

  std::deque<std::pair<PromptJob, Done>> jobs;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> others;
};

}  // namespace hearth::server::testing
