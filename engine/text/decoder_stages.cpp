#include "engine/text/decoder_stages.h"

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "engine/text/pattern.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// A rule that looks at each token alone.
class PerTokenStage : public DecodeStage {
 public:
  void push(std::string_view token, const Sink& sink) final { sink(change(token)); }
  void finish(const Sink&) final {}

 protected:
  virtual std::string change(std::string_view token) = 0;
};

class ReplaceStage final : public PerTokenStage {
 public:
  ReplaceStage(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

 private:
  std::string change(std::string_view token) override {
    matches_.clear();
    try {
      pattern_.find_all(token, matches_);
    } catch (const Regex::LimitReached&) {
      return std::string(token);  // no token is that long; decoding has no errors
    }
    std::string out;
    std::size_t copied = 0;
    for (const TextRange& match : matches_) {
      out.append(token, copied, match.begin - copied);
      out += content_;
      copied = match.end;
    }
    return out.append(token, copied);
  }

  Pattern pattern_;
  std::string content_;
  std::vector<TextRange> matches_;
};

class MetaspaceStage final : public PerTokenStage {
 public:
  MetaspaceStage(std::string replacement, bool drops_first)
      : replacement_(std::move(replacement)), drops_(drops_first) {}

 private:
  std::string change(std::string_view token) override {
    std::string out;
    for (std::size_t at = 0; at < token.size();) {
      const std::size_t bytes = decode_utf8(token, at).bytes;
      if (token.substr(at, bytes) != replacement_)
        out.append(token, at, bytes);
      else if (!drops_)
        out += ' ';
      at += bytes;
    }
    drops_ = false;  // only in the first token
    return out;
  }

  std::string replacement_;
  bool drops_;
};

class WordPieceStage final : public PerTokenStage {
 public:
  WordPieceStage(std::string prefix, bool cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}

 private:
  std::string change(std::string_view token) override {
    std::string out(token);
    if (!first_) {
      if (token.starts_with(prefix_))
        out.erase(0, prefix_.size());
      else
        out.insert(0, 1, ' ');
    }
    first_ = false;
    if (cleanup_) clean_up(out);
    return out;
  }

  static void clean_up(std::string& text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules = {
        {{" .", "."},
         {" ?", "?"},
         {" !", "!"},
         {" ,", ","},
         {" ' ", "'"},
         {" n't", "n't"},
         {" 'm", "'m"},
         {" do not", " don't"},
         {" 's", "'s"},
         {" 've", "'ve"},
         {" 're", "'re"}}};
    for (const auto& [from, to] : kRules) {
      for (std::size_t at = text.find(from); at != std::string::npos;
           at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
      }
    }
  }

  std::string prefix_;
  bool cleanup_;
  bool first_ = true;
};

class JoinWithSpacesStage final : public PerTokenStage {
 private:
  std::string change(std::string_view token) override {
    std::string out = first_ ? std::string(token) : ' ' + std::string(token);
    first_ = false;
    return out;
  }
  bool first_ = true;
};

// Up to `start` of a character at the front of each token and up to `stop` at its end.
class StripStage final : public PerTokenStage {
 public:
  StripStage(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

 private:
  std::string change(std::string_view token) override {
    for (std::size_t i = 0; i < start_ && token.starts_with(content_); ++i) {
      token.remove_prefix(content_.size());
    }
    for (std::size_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
      token.remove_suffix(content_.size());
    }
    return std::string(token);
  }

  std::string content_;
  std::size_t start_;
  std::size_t stop_;
};

// The same for a text that arrives in parts. Holds back at most `stop` characters.
class FusedStripStage final : public DecodeStage {
 public:
  FusedStripStage(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  void push(std::string_view text, const Sink& sink) override {
    while (start_ > 0 && text.starts_with(content_)) {
      text.remove_prefix(content_.size());
      --start_;
    }
    if (text.empty()) return;
    start_ = 0;
    std::size_t num_trailing = 0;
    std::string_view body = text;
    while (num_trailing < stop_ && body.ends_with(content_)) {
      body.remove_suffix(content_.size());
      ++num_trailing;
    }
    if (body.empty()) {
      num_held_ += num_trailing;
      std::size_t surplus = num_held_ > stop_ ? num_held_ - stop_ : 0;
      num_held_ -= surplus;
      while (surplus-- > 0) sink(content_);
      return;
    }
    flush(sink);
    sink(body);
    num_held_ = num_trailing;
  }
  void finish(const Sink&) override { num_held_ = 0; }

 private:
  void flush(const Sink& sink) {
    while (num_held_ > 0) {
      sink(content_);
      --num_held_;
    }
  }

  std::string content_;
  std::size_t start_;
  std::size_t stop_;
  std::size_t num_held_ = 0;
};

class FuseStage final : public DecodeStage {
 public:
  void push(std::string_view token, const Sink& sink) override { sink(token); }
  void finish(const Sink&) override {}
};

// A rule whose stages are made with the same arguments every time.
template <class Stage, class... Args>
DecodeRule rule(Args... args) {
  return [args...](DecodeMode) -> std::unique_ptr<DecodeStage> {
    return std::make_unique<Stage>(args...);
  };
}

std::string read_character(JsonFields& fields, std::string_view key, char32_t fallback) {
  std::string text;
  append_utf8(text, fields.character(key, fallback));
  return text;
}

Result<DecodeRule> replace_rule(JsonFields& fields, bool fused) {
  Result<Pattern> pattern = Pattern::from_json(fields);
  if (!pattern) return tl::unexpected<Error>(std::move(pattern.error()));
  const auto& literal = pattern->literal_text();
  if (fused && (!literal || decode_utf8(*literal, 0).bytes != literal->size())) {
    return fail(
        ErrorCode::tokenizer_unsupported,
        fields.where() + ": a Replace of more than one character behind Fuse is not supported.");
  }
  return rule<ReplaceStage>(std::move(*pattern), fields.text("content"));
}

DecodeRule strip_rule(JsonFields& fields, bool fused) {
  const std::string content = read_character(fields, "content", U' ');
  const auto start = static_cast<std::size_t>(fields.integer("start", 0, 0, 1 << 20));
  const auto stop = static_cast<std::size_t>(fields.integer("stop", 0, 0, 1 << 20));
  return fused ? rule<FusedStripStage>(content, start, stop)
               : rule<StripStage>(content, start, stop);
}

Result<DecodeRule> make(const std::string& type, JsonFields& fields, bool fused) {
  if (type == "Replace") return replace_rule(fields, fused);
  if (type == "Strip") return strip_rule(fields, fused);
  if (type == "Fuse") return rule<FuseStage>();
  if (fused) {
    return fail(ErrorCode::tokenizer_unsupported,
                fields.where() + ": the type \"" + type + "\" behind Fuse is not supported.");
  }
  if (type == "ByteLevel") return byte_level_rule();
  if (type == "ByteFallback") return byte_fallback_rule();
  if (type == "Metaspace") {
    const std::string scheme = fields.text("prepend_scheme", "always");
    const bool drops_first = scheme != "never" && fields.boolean("add_prefix_space", true);
    return rule<MetaspaceStage>(read_character(fields, "replacement", U'▁'), drops_first);
  }
  if (type == "WordPiece") {
    return rule<WordPieceStage>(fields.text("prefix", "##"), fields.boolean("cleanup", true));
  }
  return unsupported_type(fields.where(), type);
}

}  // namespace

DecodeRule join_with_spaces_rule() { return rule<JoinWithSpacesStage>(); }

Result<DecodeRule> make_decode_rule(const std::string& type, JsonFields& fields, bool fused) {
  Result<DecodeRule> made = make(type, fields, fused);
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return made;
}

}  // namespace hearth::engine
