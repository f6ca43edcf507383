#include "engine/text/windowed_stream.h"

#include "engine/text/utf8.h"

namespace hearth::engine {

void WindowedStream::push(TokenId id, std::string& out) {
  window_.push_back(id);
  const std::string text = tokenizer_.decode(window_, skip_special_tokens_);
  const bool is_held = window_.size() - num_context_ < kHeldMax;
  if (is_held && text.ends_with(kReplacementCharacter)) return;
  if (is_held && text.size() <= context_text_.size()) return;
  show(text, out);
}

void WindowedStream::finish(std::string& out) {
  if (window_.size() == num_context_) return;
  show(tokenizer_.decode(window_, skip_special_tokens_), out);
}

void WindowedStream::show(const std::string& text, std::string& out) {
  if (text.starts_with(context_text_)) out.append(text, context_text_.size());
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(num_context_));
  num_context_ = window_.size();
  context_text_ = tokenizer_.decode(window_, skip_special_tokens_);
}

}  // namespace hearth::engine
