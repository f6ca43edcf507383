// Oniguruma (Ruby syntax) against PCRE2 10.42 with UCP, where the two differ in what tokenizers
// use:
//   \s   Unicode White_Space; PCRE2 adds U+180E
//   \w   letters, marks, decimal and letter numbers, connectors, circled letters, and ²³¹¼½¾
//   outside of [];
//        PCRE2: letters, all numbers and _
//   \h   a hexadecimal digit; PCRE2: horizontal white space
//   \p{Han}  the script; PCRE2: the script extensions
//   [a&&b]   intersection; PCRE2 reads two ampersands
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/text/regex.h"

namespace hearth::engine {
namespace {

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      if (pattern_[at_] == '\\') {
        if (auto done = escape(); !done) return tl::unexpected<Error>(done.error());
        continue;
      }
      if (in_class_) {
        if (auto done = class_char(); !done) return tl::unexpected<Error>(done.error());
      } else {
        if (pattern_[at_] == '[')
          open_class();
        else
          take(1);
      }
    }
    return std::move(out_);
  }

 private:
  void take(std::size_t num_bytes) {
    out_.append(pattern_, at_, num_bytes);
    at_ += num_bytes;
  }

  void open_class() {
    in_class_ = true;
    take(1);
    if (at_ < pattern_.size() && pattern_[at_] == '^') take(1);
    if (at_ < pattern_.size() && pattern_[at_] == ']') take(1);  // a literal one
  }

  Result<void> class_char() {
    const std::string_view rest = pattern_.substr(at_);
    if (rest.starts_with("&&")) return refuse("a class intersection (&&)");
    if (rest.starts_with("[:")) {
      const std::size_t end = rest.find(":]");
      if (end == std::string_view::npos) return refuse("a nested class");
      take(end + 2);
      return {};
    }
    if (rest[0] == '[') return refuse("a nested class");
    if (rest[0] == ']') in_class_ = false;
    take(1);
    return {};
  }

  Result<void> escape() {
    if (at_ + 1 == pattern_.size()) {
      take(1);
      return {};
    }
    const char letter = pattern_[at_ + 1];
    if (letter == 'p' || letter == 'P') return property();
    for (const auto& [name, members] : kClasses) {
      const bool negated = letter == name - 'a' + 'A';
      if (letter != name && !negated) continue;
      if (in_class_ && negated) return refuse("a negated class inside a class");
      at_ += 2;
      if (in_class_) {
        out_ += members;
      } else {
        out_ += negated ? "[^" : "[";
        out_ += members;
        if (name == 'w') out_ += R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
        out_ += ']';
      }
      return {};
    }
    take(2);
    return {};
  }

  Result<void> property() {
    const std::size_t open = at_ + 2;
    if (open >= pattern_.size() || pattern_[open] != '{') {
      take(2);
      return {};
    }
    const std::size_t close = pattern_.find('}', open);
    if (close == std::string_view::npos) return refuse("an unclosed \\p{");
    std::string_view name = pattern_.substr(open + 1, close - open - 1);
    take(3);
    if (!name.empty() && name[0] == '^') {
      out_ += '^';
      name.remove_prefix(1);
    }
    // One or two letters name a general category; longer names that PCRE2 knows are scripts, "Any"
    // excepted.
    if (name.size() > 2 && name != "Any") out_ += "sc:";
    out_ += name;
    out_ += '}';
    at_ = close + 1;
    return {};
  }

  Result<void> refuse(std::string_view what) const {
    return fail(ErrorCode::tokenizer_unsupported, "The pattern \"" + std::string(pattern_) +
                                                      "\" has " + std::string(what) +
                                                      ", which is not supported.");
  }

  struct NamedClass {
    char name;
    std::string_view members;
  };
  static constexpr std::array<NamedClass, 4> kClasses = {
      {{'s', R"(\x09-\x0d\x{85}\p{Z})"},
       {'w',
        R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})"},
       {'d', R"(\p{Nd})"},
       {'h', "0-9A-Fa-f"}}};

  std::string_view pattern_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace hearth::engine
