#include "engine/text/sentencepiece_decoder.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "engine/text/byte_token.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

class SentencePieceStage final : public DecodeStage {
 public:
  explicit SentencePieceStage(std::shared_ptr<const SentencePieceDecodeOptions> options)
      : options_(std::move(options)) {}

  void push(std::string_view token, const Sink& sink) override {
    if (const std::optional<char> byte = byte_of_token(token)) {
      bytes_.push_back(*byte);
      show_bytes(false, sink);
      return;
    }
    show_bytes(true, sink);
    if (has_dropped_ || has_text_) at_start_ = false;
    const auto surface = options_->surfaces.find(std::string(token));
    if (surface != options_->surfaces.end()) return show(surface->second, sink);
    const bool may_drop = options_->drops_first_space || options_->drops_every_space;
    const bool drops = at_start_ && may_drop && token.starts_with(kSpace);
    if (drops) token.remove_prefix(kSpace.size());
    has_dropped_ = drops && !options_->drops_every_space;
    show(with_spaces(token), sink);
  }
  void finish(const Sink& sink) override { show_bytes(true, sink); }

 private:
  static std::string with_spaces(std::string_view token) {
    std::string text;
    while (!token.empty()) {
      const std::size_t at = std::min(token.find(kSpace), token.size());
      text.append(token.substr(0, at));
      if (at == token.size()) break;
      text += ' ';
      token.remove_prefix(at + kSpace.size());
    }
    return text;
  }

  void show(std::string_view text, const Sink& sink) {
    if (text.empty()) return;
    has_text_ = true;
    sink(text);
  }

  // What the bytes so far certainly are; all of them when the run has ended.
  void show_bytes(bool has_ended, const Sink& sink) {
    while (!bytes_.empty()) {
      const Utf8Sequence next = next_sequence(bytes_, 0);
      if (next.kind == Utf8Sequence::Kind::incomplete && !has_ended) return;
      if (next.kind == Utf8Sequence::Kind::valid) {
        show(std::string_view(bytes_).substr(0, next.bytes), sink);
        bytes_.erase(0, next.bytes);
      } else {
        show(kReplacementCharacter, sink);
        bytes_.erase(0, 1);
      }
    }
  }

  std::shared_ptr<const SentencePieceDecodeOptions> options_;
  std::string bytes_;         // of a character that is not whole; at most three
  bool at_start_ = true;      // no text yet: a space would be the one in front
  bool has_dropped_ = false;  // the last piece gave its space up
  bool has_text_ = false;
};

}  // namespace

DecodeRule sentencepiece_rule(SentencePieceDecodeOptions options) {
  const auto shared = std::make_shared<const SentencePieceDecodeOptions>(std::move(options));
  return [shared](DecodeMode) -> std::unique_ptr<DecodeStage> {
    return std::make_unique<SentencePieceStage>(shared);
  };
}

}  // namespace hearth::engine
