#include "engine/text/pattern.h"

#include <utility>

namespace hearth::engine {

Result<Pattern> Pattern::from_json(JsonFields& fields) {
  JsonFields pattern(fields.object("pattern"), fields.where() + ": pattern");
  if (pattern.has("String")) {
    std::string text = pattern.text("String");
    if (!pattern.error() && !text.empty()) return literal(std::move(text));
  } else if (pattern.has("Regex")) {
    const std::string text = pattern.text("Regex");
    if (!pattern.error()) return regex(text);
  }
  fields.report("pattern", "{\"String\": text} or {\"Regex\": expression}");
  return tl::unexpected<Error>(*fields.error());
}

Pattern Pattern::literal(std::string text) {
  Pattern pattern;
  pattern.literal_ = std::move(text);
  return pattern;
}

Result<Pattern> Pattern::regex(std::string_view text) {
  Result<Regex> compiled = Regex::compile(text);
  if (!compiled) return tl::unexpected<Error>(std::move(compiled.error()));
  Pattern pattern;
  pattern.regex_ = std::move(*compiled);
  return pattern;
}

void Pattern::find_all(std::string_view text, std::vector<TextRange>& matches) const {
  if (regex_) return regex_->find_all(text, matches);
  if (!literal_ || literal_->empty()) return;
  for (std::size_t at = text.find(*literal_); at != std::string_view::npos;
       at = text.find(*literal_, at + literal_->size())) {
    matches.push_back({at, at + literal_->size()});
  }
}

}  // namespace hearth::engine
