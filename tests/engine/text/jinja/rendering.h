// What the template tests share: compile and render in one call, and a view of where each byte came
// from.
#pragma once

#include <ctime>
#include <iomanip>
#include <sstream>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/text/chat_template.h"

namespace hearth::engine {

// One user message with the given content.
inline TemplateVariables one_message(const std::string& content) {
  TemplateVariables variables;
  variables.messages = {{{"role", "user"}, {"content", content}}};
  return variables;
}

inline Result<MarkedText> render(const std::string& source,
                                 const TemplateVariables& variables = {}) {
  const auto compiled = ChatTemplate::compile(source);
  if (!compiled) return tl::unexpected<Error>(compiled.error());
  return (*compiled)->render(variables);
}

// The rendered text, or "!" and the error's wire name.
inline std::string text_of(const std::string& source, const TemplateVariables& variables = {}) {
  const auto rendered = render(source, variables);
  return rendered ? rendered->text() : "!" + std::string(to_string(rendered.error().code));
}

// The rendered text with message bytes in ⟦ ⟧, or "!" and the error's wire name.
inline std::string marked(const std::string& source, const TemplateVariables& variables = {}) {
  const auto rendered = render(source, variables);
  if (!rendered) return "!" + std::string(to_string(rendered.error().code));
  std::string result;
  std::size_t begin = 0;
  for (const MarkedText::Run& run : rendered->runs()) {
    const std::string piece = rendered->text().substr(begin, run.bytes);
    result += run.origin == Origin::from_message ? "⟦" + piece + "⟧" : piece;
    begin += run.bytes;
  }
  return result;
}

// "2024-07-06T09:05:03" of the local clock.
inline std::chrono::system_clock::time_point local_time(const std::string& text) {
  std::tm local{};
  std::istringstream(text) >> std::get_time(&local, "%Y-%m-%dT%H:%M:%S");
  local.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&local));
}

// A whole context, as the reference data lists it: the known names into their places, the rest into
// extra.
inline TemplateVariables variables_from(const nlohmann::ordered_json& context,
                                        const std::string& now) {
  TemplateVariables variables;
  variables.add_generation_prompt = false;
  variables.now = local_time(now);
  for (const auto& [name, value] : context.items()) {
    if (name == "messages") {
      variables.messages = value;
    } else if (name == "tools") {
      variables.tools = value;
    } else if (name == "documents") {
      variables.documents = value;
    } else if (name == "add_generation_prompt") {
      variables.add_generation_prompt = value.get<bool>();
    } else {
      variables.extra[name] = value;
    }
  }
  return variables;
}

}  // namespace hearth::engine
