#include "engine/text/bert_normalizer.h"

#include <string_view>

#include <utf8proc.h>

#include "engine/text/char_class.h"
#include "engine/text/normalizer_steps.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// Rewrites each character on its own.
template <class Change>  // void(char32_t, begin, end, Rewrite&)
class PerCharStep final : public NormalizerStep {
 public:
  explicit PerCharStep(Change change) : change_(change) {}
  bool changes(std::string_view text) const override { return !text.empty(); }
  void run(std::string_view text, Rewrite& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char next = decode_utf8(text, at);
      change_(next.value, at, at + next.bytes, out);
      at += next.bytes;
    }
  }

 private:
  Change change_;
};

template <class Change>
std::shared_ptr<const NormalizerStep> per_char(Change change) {
  return std::make_shared<PerCharStep<Change>>(change);
}

// Categories Cc, Cf, Co, Cs, but for the white space among them. Not Cn: the reference keeps what
// is not assigned.
bool is_control(char32_t value) {
  if (value == U'\t' || value == U'\n' || value == U'\r') return false;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
      return true;
    default:
      return false;
  }
}

bool is_chinese(char32_t value) {
  return (value >= 0x4E00 && value <= 0x9FFF) || (value >= 0x3400 && value <= 0x4DBF) ||
         (value >= 0x20000 && value <= 0x2A6DF) || (value >= 0x2A700 && value <= 0x2B73F) ||
         (value >= 0x2B740 && value <= 0x2B81F) || (value >= 0x2B920 && value <= 0x2CEAF) ||
         (value >= 0xF900 && value <= 0xFAFF) || (value >= 0x2F800 && value <= 0x2FA1F);
}

bool is_nonspacing_mark(char32_t value) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(value)) == UTF8PROC_CATEGORY_MN;
}

}  // namespace

std::vector<std::shared_ptr<const NormalizerStep>> bert_normalizer_steps(
    const BertNormalizerOptions& options) {
  std::vector<std::shared_ptr<const NormalizerStep>> steps;
  if (options.clean_text) {
    steps.push_back(per_char([](char32_t value, std::size_t begin, std::size_t end, Rewrite& out) {
      if (value == 0 || value == 0xFFFD || is_control(value)) return;
      is_white_space(value) ? out.put(" ", begin, end) : out.copy(begin, end);
    }));
  }
  if (options.handle_chinese_chars) {
    steps.push_back(per_char([](char32_t value, std::size_t begin, std::size_t end, Rewrite& out) {
      if (!is_chinese(value)) return out.copy(begin, end);
      out.put(" ", begin, end);
      out.copy(begin, end);
      out.put(" ", begin, end);
    }));
  }
  if (options.strip_accents.value_or(options.lowercase)) {
    steps.push_back(normal_form_step(NormalForm::nfd));
    steps.push_back(per_char([](char32_t value, std::size_t begin, std::size_t end, Rewrite& out) {
      if (!is_nonspacing_mark(value)) out.copy(begin, end);
    }));
  }
  if (options.lowercase) steps.push_back(lowercase_step());
  return steps;
}

}  // namespace hearth::engine
