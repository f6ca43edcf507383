#include "server/session/reply_text.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/text/tokenizer.h"
#include "server/session/outbox.h"
#include "server/session/thought.h"

namespace hearth::server {

ReplyText::ReplyText(std::shared_ptr<const engine::Tokenizer> tokenizer,
                     std::vector<std::string> stop_strings, std::size_t first,
                     engine::ThoughtRule thoughts)
    : tokenizer_(std::move(tokenizer)),
      first_(first),
      decoder_(tokenizer_),
      matcher_(std::move(stop_strings)),
      thoughts_(std::move(thoughts)) {
  if (!thoughts_.begins_open) return;
  match(std::string(kThoughtOpen));
  num_thought_ = kOpen;
  thought_from_ = decoded_.size();
}

void ReplyText::match(std::string_view text) {
  if (text.empty()) return;
  decoded_ += text;
  engine::StopMatcher::Output output = matcher_.push(text);
  visible_ += output.text.size();
  stopped_ = output.stopped;
  stop_string_ = std::move(output.stop_string);
}

void ReplyText::cut_at_visible() {
  decoded_.resize(visible_);
  for (std::size_t& end : ends_) end = std::min(end, visible_);
  to_ = ends_.size();
}

// The text of the next token. A mark is written out even by a tokenizer that hides its special
// tokens.
std::string ReplyText::marked(TokenId id, std::string text) {
  if (!thoughts_.thinks()) return text;
  if (ends_.empty() && num_thought_ == 0 && id == thoughts_.open) {
    if (!text.ends_with(kThoughtOpen)) text += kThoughtOpen;
    num_thought_ = kOpen;
    thought_from_ = decoded_.size() + text.size();
  } else if (num_thought_ == kOpen && id == thoughts_.close) {
    if (!text.ends_with(kThoughtClose)) text += kThoughtClose;
    num_thought_ = ends_.size() + 1;
    thought_to_ = decoded_.size() + text.size() - kThoughtClose.size();
  }
  return text;
}

// The decoder does not tell what it holds back; decoding the tokens that are not settled does.
// Almost always that is one token.
bool ReplyText::ends_in_half_a_character(const engine::TokenStream& stream,
                                         std::string_view shown) const {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::vector<TokenId> ids;
  for (std::size_t i = num_settled_; i <= ends_.size(); ++i)
    ids.push_back(stream.token(first_ + i).id);
  return tokenizer_->decode(ids, true).ends_with(kReplacement) && !shown.ends_with(kReplacement);
}

bool ReplyText::pull(const engine::TokenStream& stream, std::size_t end) {
  if (stopped_) return false;
  const std::size_t before = to_;
  const std::size_t published = std::min(stream.published(), end);
  while (first_ + ends_.size() < published && !stopped_) {
    const engine::TokenRecord& token = stream.token(first_ + ends_.size());
    const std::string text = marked(token.id, decoder_.push(token.id));
    match(text);
    if (!text.empty()) {
      const bool is_whole = !ends_in_half_a_character(stream, text);
      num_settled_ = ends_.size() + (is_whole ? 1 : 0);
    }
    ends_.push_back(decoded_.size());
    lp_.push_back(token.logprob);
  }
  if (stopped_) {
    cut_at_visible();
  } else {
    while (to_ < num_settled_ && ends_[to_] <= visible_) ++to_;
  }
  return to_ != before || stopped_;
}

void ReplyText::finish() {
  if (!stopped_ && !ends_.empty()) {
    match(decoder_.finish());
    if (!stopped_) visible_ += matcher_.finish().size();
    ends_.back() = decoded_.size();
  }
  cut_at_visible();
}

std::size_t ReplyText::place(std::size_t num_tokens, bool is_thought) const {
  const std::size_t end = end_of(num_tokens);
  return is_thought ? std::clamp(end, thought_from_, std::max(thought_from_, thought_to_)) : end;
}

std::uint32_t ReplyText::bytes_of(std::size_t i) const {
  const bool is_thought = i < num_thought_;
  return static_cast<std::uint32_t>(place(i + 1, is_thought) - place(i, is_thought));
}

std::size_t ReplyText::affordable(std::size_t from, std::size_t to, bool is_thought,
                                  std::size_t cost_max) const {
  const auto fits = [&](std::size_t end) {
    return Outbox::cost(place(end, is_thought) - place(from, is_thought), end - from) <= cost_max;
  };
  if (fits(to)) return to;
  std::size_t high = to;  // does not fit
  std::size_t low = from;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

Delta ReplyText::slice(const MessageId& stream, std::size_t from, std::size_t cost_max) const {
  const bool is_thought = from < num_thought_;
  const std::size_t to =
      affordable(from, is_thought ? std::min(to_, num_thought_) : to_, is_thought, cost_max);
  Delta delta{.stream = stream, .from = from, .to = to, .text = {}, .lp = {}, .bytes = {}};
  if (is_thought) delta.channel = Channel::reasoning;
  const std::size_t begin = place(from, is_thought);
  delta.text = decoded_.substr(begin, place(to, is_thought) - begin);
  const auto at = [](const auto& list, std::size_t i) {
    return list.begin() + static_cast<std::ptrdiff_t>(i);
  };
  delta.lp.assign(at(lp_, from), at(lp_, to));
  for (std::size_t i = from; i < to; ++i) delta.bytes.push_back(bytes_of(i));
  return delta;
}

}  // namespace hearth::server
