#include "engine/text/normalizer.h"

#include <array>
#include <cstdint>
#include <utility>

#include <utf8proc.h>

#include "engine/text/bert_normalizer.h"
#include "engine/text/char_class.h"
#include "engine/text/json_fields.h"
#include "engine/text/normal_form.h"
#include "engine/text/normalizer_steps.h"
#include "engine/text/pattern.h"
#include "engine/text/precompiled_normalizer.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr int kNestingMax = 16;

class NormalFormStep final : public NormalizerStep {
 public:
  explicit NormalFormStep(NormalForm form) : form_(form) {}
  bool changes(std::string_view text) const override { return !is_surely_normal(form_, text); }
  void run(std::string_view text, Rewrite& out) const override { normalize(form_, text, out); }

 private:
  NormalForm form_;
};

class PrependStep final : public NormalizerStep {
 public:
  explicit PrependStep(std::string prefix) : prefix_(std::move(prefix)) {}
  bool changes(std::string_view text) const override { return !text.empty() && !prefix_.empty(); }
  void run(std::string_view text, Rewrite& out) const override {
    if (!text.empty()) out.put(prefix_, 0, 0);
    out.copy(0, text.size());
  }

 private:
  std::string prefix_;
};

class ReplaceStep final : public NormalizerStep {
 public:
  ReplaceStep(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  bool changes(std::string_view text) const override { return !text.empty(); }
  void run(std::string_view text, Rewrite& out) const override {
    std::vector<TextRange> matches;
    pattern_.find_all(text, matches);
    std::size_t copied = 0;
    for (const TextRange& match : matches) {
      out.copy(copied, match.begin);
      out.put(content_, match.begin, match.end);
      copied = match.end;
    }
    out.copy(copied, text.size());
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class LowercaseStep final : public NormalizerStep {
 public:
  bool changes(std::string_view text) const override { return !text.empty(); }
  void run(std::string_view text, Rewrite& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char next = decode_utf8(text, at);
      std::string lower;
      if (next.value == 0x130) {
        lower = "i\xCC\x87";  // the one character whose lower case is two (UCD SpecialCasing)
      } else {
        const auto value = static_cast<utf8proc_int32_t>(next.value);
        append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(value)));
      }
      out.put(lower, at, at + next.bytes);
      at += next.bytes;
    }
  }
};

class StripAccentsStep final : public NormalizerStep {
 public:
  bool changes(std::string_view text) const override { return !text.empty(); }
  void run(std::string_view text, Rewrite& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char next = decode_utf8(text, at);
      if (!is_combining_mark(next.value)) out.copy(at, at + next.bytes);
      at += next.bytes;
    }
  }
};

class StripStep final : public NormalizerStep {
 public:
  StripStep(bool left, bool right) : left_(left), right_(right) {}
  bool changes(std::string_view text) const override { return !text.empty(); }
  void run(std::string_view text, Rewrite& out) const override {
    std::size_t begin = 0;
    std::size_t end = text.size();
    while (left_ && begin < end) {
      const Utf8Char next = decode_utf8(text, begin);
      if (!is_white_space(next.value)) break;
      begin += next.bytes;
    }
    while (right_ && begin < end) {
      const std::size_t last = previous_utf8(text, end);
      if (!is_white_space(decode_utf8(text, last).value)) break;
      end = last;
    }
    out.copy(begin, end);
  }

 private:
  bool left_;
  bool right_;
};

using Steps = std::vector<std::shared_ptr<const NormalizerStep>>;

Steps bert_steps(JsonFields& fields) {
  BertNormalizerOptions options;
  options.clean_text = fields.boolean("clean_text", true);
  options.handle_chinese_chars = fields.boolean("handle_chinese_chars", true);
  if (fields.has("strip_accents")) options.strip_accents = fields.boolean("strip_accents", true);
  options.lowercase = fields.boolean("lowercase", true);
  return bert_normalizer_steps(options);
}

Result<void> append_steps(const nlohmann::json& component, const std::string& where, int nesting,
                          Steps& steps) {
  JsonFields fields(component, where);
  const std::string type = fields.type();
  constexpr std::array<std::pair<std::string_view, NormalForm>, 4> kForms = {
      {{"NFC", NormalForm::nfc},
       {"NFD", NormalForm::nfd},
       {"NFKC", NormalForm::nfkc},
       {"NFKD", NormalForm::nfkd}}};
  for (const auto& [name, form] : kForms) {
    if (type == name) {
      steps.push_back(std::make_shared<NormalFormStep>(form));
      return {};
    }
  }
  if (type == "Sequence") {
    if (nesting == kNestingMax)
      return fail(ErrorCode::tokenizer_invalid, where + " nests too deep.");
    for (const nlohmann::json& child : fields.array("normalizers")) {
      if (auto done = append_steps(child, where, nesting + 1, steps); !done) return done;
    }
  } else if (type == "Prepend") {
    steps.push_back(std::make_shared<PrependStep>(fields.text("prepend")));
  } else if (type == "Replace") {
    Result<Pattern> pattern = Pattern::from_json(fields);
    if (!pattern) return tl::unexpected<Error>(std::move(pattern.error()));
    steps.push_back(std::make_shared<ReplaceStep>(std::move(*pattern), fields.text("content")));
  } else if (type == "Lowercase") {
    steps.push_back(std::make_shared<LowercaseStep>());
  } else if (type == "StripAccents") {
    steps.push_back(std::make_shared<StripAccentsStep>());
  } else if (type == "Strip") {
    const bool left = fields.boolean("strip_left", true);
    steps.push_back(std::make_shared<StripStep>(left, fields.boolean("strip_right", true)));
  } else if (type == "Precompiled") {
    if (!fields.has("precompiled_charsmap")) fields.report("precompiled_charsmap", "base64");
    auto step = precompiled_step(fields.text("precompiled_charsmap"), where);
    if (!step) return tl::unexpected<Error>(std::move(step.error()));
    steps.push_back(std::move(*step));
  } else if (type == "BertNormalizer") {
    for (auto& step : bert_steps(fields)) steps.push_back(std::move(step));
  } else if (!fields.error()) {
    return unsupported_type(where, type);
  }
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return {};
}

}  // namespace

std::shared_ptr<const NormalizerStep> normal_form_step(NormalForm form) {
  return std::make_shared<NormalFormStep>(form);
}

std::shared_ptr<const NormalizerStep> lowercase_step() { return std::make_shared<LowercaseStep>(); }

std::shared_ptr<const NormalizerStep> prepend_step(std::string prefix) {
  return std::make_shared<PrependStep>(std::move(prefix));
}

Result<Normalizer> Normalizer::from_json(const nlohmann::json& component) {
  Steps steps;
  if (component.is_null()) return Normalizer();
  if (auto done = append_steps(component, "tokenizer.json: normalizer", 0, steps); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  return Normalizer(std::move(steps));
}

std::string_view Normalizer::apply(std::string_view text, std::span<const std::uint8_t> marks,
                                   Room& room) const {
  room.marks.assign(marks.begin(), marks.end());
  for (const auto& step : steps_) {
    if (!step->changes(text)) continue;
    Rewrite out(text, room.marks, room.spare, room.spare_marks);
    step->run(text, out);
    room.text.swap(room.spare);
    room.marks.swap(room.spare_marks);
    text = room.text;
  }
  return text;
}

std::string Normalizer::apply(std::string_view text) const {
  Room room;
  return std::string(apply(text, {}, room));
}

}  // namespace hearth::engine
