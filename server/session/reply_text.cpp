#include "server/session/reply_text.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/text/tokenizer.h"

namespace hearth::server {

ReplyText::ReplyText(std::shared_ptr<const engine::Tokenizer> tokenizer,
                     std::vector<std::string> stop_strings, std::size_t first)
    : tokenizer_(std::move(tokenizer)),
      first_(first),
      decoder_(tokenizer_),
      matcher_(std::move(stop_strings)) {}

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
    const std::string text = decoder_.push(token.id);
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

Delta ReplyText::slice(const MessageId& stream, std::size_t from) const {
  Delta delta{.stream = stream, .from = from, .to = to_, .text = {}, .lp = {}, .bytes = {}};
  delta.text = text().substr(end_of(from));
  const auto at = [](const auto& list, std::size_t i) {
    return list.begin() + static_cast<std::ptrdiff_t>(i);
  };
  delta.lp.assign(at(lp_, from), at(lp_, to_));
  for (std::size_t i = from; i < to_; ++i) {
    delta.bytes.push_back(static_cast<std::uint32_t>(end_of(i + 1) - end_of(i)));
  }
  return delta;
}

}  // namespace hearth::server
