#include "engine/text/chat_messages.h"

#include <optional>
#include <string>
#include <string_view>

#include "engine/text/jinja/text_ops.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

// The content of message as text; of a list of parts, the last one that has text.
std::optional<std::string> text_of(const ordered_json& message) {
  const auto content = message.is_object() ? message.find("content") : message.end();
  if (!message.is_object() || content == message.end()) return std::nullopt;
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) return std::nullopt;
  for (auto part = content->rbegin(); part != content->rend(); ++part) {
    if (part->is_object() && part->contains("text") && (*part)["text"].is_string()) {
      return (*part)["text"].get<std::string>();
    }
  }
  return std::nullopt;
}

std::string stripped(const std::string& text, jinja::Side side) {
  return jinja::strip(MarkedText(text, Origin::from_message), std::nullopt, side).text();
}

}  // namespace

ordered_json without_null_keys(const ordered_json& messages) {
  ordered_json result = messages;
  if (!result.is_array()) return result;
  for (auto& message : result) {
    if (!message.is_object()) continue;
    for (auto it = message.begin(); it != message.end();) {
      it = it->is_null() ? message.erase(it) : std::next(it);
    }
  }
  return result;
}

Result<MarkedText> cut_after_final_message(const MarkedText& rendered,
                                           const ordered_json& messages) {
  const auto text =
      messages.is_array() && !messages.empty() ? text_of(messages.back()) : std::nullopt;
  if (!text)
    return fail(ErrorCode::invalid_parameter,
                "The last message has no text that could be continued.");
  const std::string bare = stripped(*text, jinja::Side::both);
  const std::size_t at = rendered.text().rfind(bare);
  if (at == std::string::npos) {
    return fail(
        ErrorCode::invalid_parameter,
        "The chat template does not print the last message as it is, so it cannot be continued.");
  }
  // A template that keeps the space at the message's end keeps it here too.
  const std::string with_end = stripped(*text, jinja::Side::left);
  const bool keeps_end = rendered.text().compare(at, with_end.size(), with_end) == 0;
  return rendered.slice(0, at + (keeps_end ? with_end : bare).size());
}

}  // namespace hearth::engine
