// A reply's tokens as text: what may be shown, and exactly which token each byte came from.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtime/thoughts.h"
#include "engine/runtime/token_stream.h"
#include "engine/text/stop_matcher.h"
#include "engine/text/stream_decoder.h"
#include "server/session/protocol.h"

namespace hearth::server {

// Positions are token indices (server/PROTOCOL.md §1). A token's bytes are those that it completed:
// half a character belongs to the token that ends it. Tokens [0, to()) are shown and never change:
// whole characters, behind the stop strings' hold-back, and not the last tokens as long as they may
// still gain text (half a character that never ends is U+FFFD, which only the end can tell). One
// thread at a time.
class ReplyText {
 public:
  // first: tokens of the stream before that one are not part of the reply. thoughts: marks that
  // part what the model thinks from what it answers; text() has them both, the second also if the
  // prompt opened the thoughts.
  ReplyText(std::shared_ptr<const engine::Tokenizer> tokenizer,
            std::vector<std::string> stop_strings, std::size_t first = 0,
            engine::ThoughtRule thoughts = {});

  // Reads the tokens published since the last call, but none from `end` on. True: to() or the end
  // changed. After a stop string nothing more is read.
  bool pull(const engine::TokenStream& stream,
            std::size_t end = std::numeric_limits<std::size_t>::max());

  // Generation ended: shows what was held back. Call once, after the last pull.
  void finish();

  std::size_t to() const { return to_; }
  std::string_view text() const { return std::string_view(decoded_).substr(0, end_of(to_)); }
  bool stopped() const { return stopped_; }  // a stop string was found; text() ends before it
  const std::string& stop_string() const { return stop_string_; }  // which, when stopped

  // Tokens from `from` ≤ to() on: those of one channel, and as many as cost at most cost_max
  // (Outbox::cost); perhaps none.
  Delta slice(const MessageId& stream, std::size_t from,
              std::size_t cost_max = std::numeric_limits<std::size_t>::max()) const;
  // How many bytes of its channel's text token `i` < to() completed; the marks complete none.
  std::uint32_t bytes_of(std::size_t i) const;
  // Whether the last token read is a thought.
  bool is_thinking() const { return num_thought_ == kOpen; }

 private:
  std::size_t end_of(std::size_t num_tokens) const {
    return num_tokens == 0 ? 0 : ends_[num_tokens - 1];
  }
  void match(std::string_view text);
  bool ends_in_half_a_character(const engine::TokenStream& stream, std::string_view shown) const;
  void cut_at_visible();
  std::string marked(TokenId id, std::string text);
  std::size_t place(std::size_t num_tokens, bool is_thought) const;
  std::size_t affordable(std::size_t from, std::size_t to, bool is_thought,
                         std::size_t cost_max) const;

  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  std::size_t first_;
  engine::StreamDecoder decoder_;
  engine::StopMatcher matcher_;
  std::string decoded_;
  std::vector<std::size_t> ends_;  // of each token read: where its bytes end in decoded_
  std::vector<float> lp_;
  std::size_t visible_ = 0;      // bytes of decoded_ that the matcher let go
  std::size_t num_settled_ = 0;  // tokens that gain no more text
  std::size_t to_ = 0;
  bool stopped_ = false;
  std::string stop_string_;

  static constexpr std::size_t kOpen = std::numeric_limits<std::size_t>::max();
  engine::ThoughtRule thoughts_;
  std::size_t num_thought_ = 0;   // leading tokens that are thoughts or marks; kOpen: all so far
  std::size_t thought_from_ = 0;  // bytes of decoded_ between the marks
  std::size_t thought_to_ = kOpen;
};

}  // namespace hearth::server
