#include "engine/text/pre_tokenizer_steps.h"

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/text/char_class.h"
#include "engine/text/pattern.h"
#include "engine/text/split.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

using StepPtr = std::shared_ptr<const PreTokenizerStep>;
using Steps = std::vector<StepPtr>;

// GPT-2's pattern, which ByteLevel applies by itself (use_regex).
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void emit(Piece piece, const TextRange& range, const PieceSink& sink) {
  sink({piece.text.substr(range.begin, range.end - range.begin),
        piece.at_start && range.begin == 0});
}

class SplitStep final : public PreTokenizerStep {
 public:
  SplitStep(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void run(Piece piece, const PieceSink& sink) const override {
    std::vector<TextRange> matches;
    matches.reserve(piece.text.size() / 4 + 1);
    pattern_.find_all(piece.text, matches);
    if (behavior_ == SplitBehavior::isolated) return run_isolated(piece, matches, sink);
    std::vector<TextRange> pieces;
    split_at(matches, piece.text.size(), behavior_, invert_, pieces);
    for (const TextRange& range : pieces) emit(piece, range, sink);
  }

 private:
  static void run_isolated(Piece piece, const std::vector<TextRange>& matches,
                           const PieceSink& sink) {
    std::size_t end = 0;
    for (const TextRange& match : matches) {
      if (match.begin > end) emit(piece, {end, match.begin}, sink);
      emit(piece, match, sink);
      end = match.end;
    }
    if (end < piece.text.size()) emit(piece, {end, piece.text.size()}, sink);
  }

  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

// Cuts at characters of one class.
class CharSplitStep final : public PreTokenizerStep {
 public:
  CharSplitStep(std::function<bool(char32_t)> is_delimiter, SplitBehavior behavior)
      : is_delimiter_(std::move(is_delimiter)), behavior_(behavior) {}

  void run(Piece piece, const PieceSink& sink) const override {
    std::vector<TextRange> matches;
    for (std::size_t at = 0; at < piece.text.size();) {
      const Utf8Char next = decode_utf8(piece.text, at);
      if (is_delimiter_(next.value)) matches.push_back({at, at + next.bytes});
      at += next.bytes;
    }
    std::vector<TextRange> pieces;
    split_at(matches, piece.text.size(), behavior_, false, pieces);
    for (const TextRange& range : pieces) emit(piece, range, sink);
  }

 private:
  std::function<bool(char32_t)> is_delimiter_;
  SplitBehavior behavior_;
};

class PrefixSpaceStep final : public PreTokenizerStep {
 public:
  void run(Piece piece, const PieceSink& sink) const override {
    if (piece.text.starts_with(' ')) return sink(piece);
    const std::string text = ' ' + std::string(piece.text);
    sink({text, piece.at_start});
  }
};

enum class PrependScheme { always, first, never };

class MetaspaceStep final : public PreTokenizerStep {
 public:
  MetaspaceStep(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)), scheme_(scheme), split_(split) {}

  void run(Piece piece, const PieceSink& sink) const override {
    std::string text;
    for (const char byte : piece.text) {
      if (byte == ' ')
        text += replacement_;
      else
        text += byte;
    }
    const bool wants =
        scheme_ == PrependScheme::always || (scheme_ == PrependScheme::first && piece.at_start);
    if (wants && !text.starts_with(replacement_)) text.insert(0, replacement_);
    if (!split_) return sink({text, piece.at_start});
    std::vector<TextRange> matches;
    std::vector<TextRange> pieces;
    Pattern::literal(replacement_).find_all(text, matches);
    split_at(matches, text.size(), SplitBehavior::merged_with_next, false, pieces);
    for (const TextRange& range : pieces) emit({text, piece.at_start}, range, sink);
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

class FixedLengthStep final : public PreTokenizerStep {
 public:
  explicit FixedLengthStep(std::size_t num_chars) : num_chars_(num_chars) {}
  void run(Piece piece, const PieceSink& sink) const override {
    for (std::size_t begin = 0; begin < piece.text.size();) {
      std::size_t end = begin;
      for (std::size_t i = 0; i < num_chars_ && end < piece.text.size(); ++i) {
        end += decode_utf8(piece.text, end).bytes;
      }
      emit(piece, {begin, end}, sink);
      begin = end;
    }
  }

 private:
  std::size_t num_chars_;
};

std::optional<SplitBehavior> behavior_named(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {
      {{"Removed", SplitBehavior::removed},
       {"Isolated", SplitBehavior::isolated},
       {"MergedWithPrevious", SplitBehavior::merged_with_previous},
       {"MergedWithNext", SplitBehavior::merged_with_next},
       {"Contiguous", SplitBehavior::contiguous}}};
  for (const auto& [known, behavior] : kNames) {
    if (name == known) return behavior;
  }
  return std::nullopt;
}

SplitBehavior read_behavior(JsonFields& fields) {
  const auto behavior = behavior_named(fields.text("behavior", "Isolated"));
  if (!behavior) fields.report("behavior", "the name of a split behaviour");
  return behavior.value_or(SplitBehavior::isolated);
}

PrependScheme read_prepend_scheme(JsonFields& fields) {
  const std::string scheme = fields.text("prepend_scheme", "always");
  const bool legacy_off = !fields.boolean("add_prefix_space", true);
  if (scheme == "never" || (legacy_off && !fields.has("prepend_scheme")))
    return PrependScheme::never;
  if (scheme == "first") return PrependScheme::first;
  if (scheme != "always") fields.report("prepend_scheme", "always, first or never");
  return PrependScheme::always;
}

StepPtr char_split(std::function<bool(char32_t)> is_delimiter, SplitBehavior behavior) {
  return std::make_shared<CharSplitStep>(std::move(is_delimiter), behavior);
}

Result<StepPtr> pattern_split(std::string_view expression, SplitBehavior behavior, bool invert) {
  Result<Pattern> pattern = Pattern::regex(expression);
  if (!pattern) return tl::unexpected<Error>(std::move(pattern.error()));
  return std::make_shared<SplitStep>(std::move(*pattern), behavior, invert);
}

Result<Steps> byte_level(JsonFields& fields) {
  Steps steps;
  if (fields.boolean("add_prefix_space", true))
    steps.push_back(std::make_shared<PrefixSpaceStep>());
  if (fields.boolean("use_regex", true)) {
    auto split = pattern_split(kGpt2Pattern, SplitBehavior::isolated, false);
    if (!split) return tl::unexpected<Error>(std::move(split.error()));
    steps.push_back(std::move(*split));
  }
  return steps;
}

Result<Steps> split(JsonFields& fields) {
  Result<Pattern> pattern = Pattern::from_json(fields);
  if (!pattern) return tl::unexpected<Error>(std::move(pattern.error()));
  const SplitBehavior behavior = read_behavior(fields);
  const bool invert = fields.boolean("invert", false);
  return Steps{std::make_shared<SplitStep>(std::move(*pattern), behavior, invert)};
}

Result<Steps> metaspace(JsonFields& fields) {
  std::string replacement;
  append_utf8(replacement, fields.character("replacement", U'▁'));
  const PrependScheme scheme = read_prepend_scheme(fields);
  const bool cut = fields.boolean("split", true);
  return Steps{std::make_shared<MetaspaceStep>(std::move(replacement), scheme, cut)};
}

Result<Steps> whitespace() {
  // \w+|[^\w\s]+ of Rust's regex crate, whose \w has no other numbers ("½") than decimal and letter
  // ones.
  auto words =
      pattern_split(R"([\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}]+|[^\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\s]+)",
                    SplitBehavior::removed, true);
  if (!words) return tl::unexpected<Error>(std::move(words.error()));
  return Steps{std::move(*words)};
}

Result<Steps> make(const std::string& type, JsonFields& fields) {
  if (type == "ByteLevel") return byte_level(fields);
  if (type == "Split") return split(fields);
  if (type == "Metaspace") return metaspace(fields);
  if (type == "Whitespace") return whitespace();
  if (type == "WhitespaceSplit") return Steps{char_split(is_white_space, SplitBehavior::removed)};
  if (type == "BertPreTokenizer") {
    return Steps{char_split(is_white_space, SplitBehavior::removed),
                 char_split(is_punctuation, SplitBehavior::isolated)};
  }
  if (type == "Digits") {
    const bool each = fields.boolean("individual_digits", false);
    return Steps{
        char_split(is_numeric_char, each ? SplitBehavior::isolated : SplitBehavior::contiguous)};
  }
  if (type == "Punctuation") return Steps{char_split(is_punctuation, read_behavior(fields))};
  if (type == "CharDelimiterSplit") {
    const char32_t delimiter = fields.character("delimiter", U' ');
    return Steps{char_split([delimiter](char32_t value) { return value == delimiter; },
                            SplitBehavior::removed)};
  }
  if (type == "FixedLength") {
    const auto length = static_cast<std::size_t>(fields.integer("length", 5, 1, 1 << 20));
    return Steps{std::make_shared<FixedLengthStep>(length)};
  }
  return unsupported_type(fields.where(), type);
}

}  // namespace

Result<Steps> make_pre_tokenizer_steps(const std::string& type, JsonFields& fields) {
  Result<Steps> steps = make(type, fields);
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return steps;
}

}  // namespace hearth::engine
