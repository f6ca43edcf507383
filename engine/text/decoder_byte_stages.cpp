// The rules under which several tokens are the bytes of one character.
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/text/byte_alphabet.h"
#include "engine/text/byte_token.h"
#include "engine/text/decoder_stages.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// Consecutive "<0xXX>" tokens are the bytes of one run: its text if it is valid UTF-8, else one
// U+FFFD per token.
class ByteFallbackStage final : public DecodeStage {
 public:
  explicit ByteFallbackStage(DecodeMode mode) : mode_(mode) {}

  void push(std::string_view token, const Sink& sink) override {
    const std::optional<char> byte = byte_of_token(token);
    if (!byte) {
      end_run(sink);
      return sink(token);
    }
    run_.push_back(*byte);
    if (mode_ == DecodeMode::early) advance(sink);
  }
  void finish(const Sink& sink) override { end_run(sink); }

 private:
  static void put_replacements(std::size_t count, const Sink& sink) {
    while (count-- > 0) sink(kReplacementCharacter);
  }

  // Shows what can be shown of a run that goes on: it is whole so far, or it can no longer be
  // valid.
  void advance(const Sink& sink) {
    if (!is_broken_) {
      const Utf8Sequence next = next_sequence(run_, 0);
      if (next.kind == Utf8Sequence::Kind::incomplete) return;
      is_broken_ = next.kind == Utf8Sequence::Kind::invalid;
    }
    if (is_broken_)
      put_replacements(run_.size(), sink);
    else
      sink(run_);
    run_.clear();
  }

  void end_run(const Sink& sink) {
    if (!run_.empty()) {
      if (!is_broken_ && is_valid_utf8(run_))
        sink(run_);
      else
        put_replacements(run_.size(), sink);
    }
    run_.clear();
    is_broken_ = false;
  }

  DecodeMode mode_;
  std::string run_;  // its bytes not yet shown; at most three with DecodeMode::early
  bool is_broken_ =
      false;  // early: the run has a byte that fits nowhere, so all that follow are replaced too
};

class ByteLevelStage final : public DecodeStage {
 public:
  void push(std::string_view token, const Sink& sink) override {
    out_.clear();
    const std::optional<std::string> bytes = bytes_of_alphabet(token);
    stream_.push(bytes ? std::string_view(*bytes) : token, out_);
    if (!out_.empty()) sink(out_);
  }
  void finish(const Sink& sink) override {
    out_.clear();
    stream_.finish(out_);
    if (!out_.empty()) sink(out_);
  }

 private:
  Utf8Stream stream_;
  std::string out_;
};

}  // namespace

DecodeRule byte_level_rule() {
  return
      [](DecodeMode) -> std::unique_ptr<DecodeStage> { return std::make_unique<ByteLevelStage>(); };
}

DecodeRule byte_fallback_rule() {
  return [](DecodeMode mode) -> std::unique_ptr<DecodeStage> {
    return std::make_unique<ByteFallbackStage>(mode);
  };
}

}  // namespace hearth::engine
