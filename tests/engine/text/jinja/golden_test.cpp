// Reference data: chat_templates.json is made by transformers (generators/make_template_cases.py),
// template_snippets.json by Jinja alone (generators/make_template_snippets.py); each file names the
// versions.
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/engine/text/jinja/rendering.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

ordered_json read_golden(const std::string& name) {
  std::ifstream file(std::string(HEARTH_GOLDEN) + "/" + name);
  return ordered_json::parse(file, nullptr, false);
}

// Python prints the addresses of objects; no two runs agree on them.
std::string without_addresses(const std::string& text) {
  return std::regex_replace(text, std::regex("0x[0-9a-f]{6,}"), "0x?");
}

std::string kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::template_raised:
      return "raise_exception";
    case ErrorCode::template_undefined:
      return "undefined";
    case ErrorCode::template_syntax:
      return "syntax";
    case ErrorCode::template_security:
      return "security";
    case ErrorCode::template_type:
      return "type";
    case ErrorCode::template_runtime:
      return "runtime";
    case ErrorCode::template_value:
      return "other";
    default:
      return std::string(to_string(code));
  }
}

void expect_as_reference(const ordered_json& reference, const TemplateVariables& variables) {
  const auto rendered = render(reference["template"].get<std::string>(), variables);
  if (reference.contains("expected")) {
    ASSERT_TRUE(rendered) << rendered.error().detail;
    EXPECT_EQ(without_addresses(rendered->text()),
              without_addresses(reference["expected"].get<std::string>()));
  } else {
    ASSERT_FALSE(rendered) << "rendered " << rendered->text();
    EXPECT_EQ(kind_of(rendered.error().code), reference["error"].get<std::string>())
        << rendered.error().detail;
    EXPECT_FALSE(rendered.error().detail.empty());
  }
}

TEST(ChatTemplateGolden, RendersAsTransformersDoes) {
  const ordered_json golden = read_golden("chat_templates.json");
  ASSERT_TRUE(golden.is_object());
  std::size_t index = 0;
  for (const auto& reference : golden["cases"]) {
    SCOPED_TRACE("case " + std::to_string(index++) + " " + reference["name"].get<std::string>());
    expect_as_reference(reference, variables_from(reference["variables"], golden["now"]));
  }
  EXPECT_GE(index, 177u);
}

TEST(ChatTemplateGolden, AgreesWithJinjaInTheCornersOfTheLanguage) {
  const ordered_json golden = read_golden("template_snippets.json");
  ASSERT_TRUE(golden.is_object());
  const TemplateVariables variables = variables_from(golden["variables"], golden["now"]);
  std::size_t index = 0;
  for (const auto& reference : golden["cases"]) {
    SCOPED_TRACE("case " + std::to_string(index++) + " " +
                 reference["template"].get<std::string>());
    expect_as_reference(reference, variables);
  }
  EXPECT_GE(index, 250u);
}

// Whole folders, written by transformers: the prompt of expected.json's chat.
TEST(ChatTemplateGolden, WritesThePromptOfEveryReferenceFolder) {
  std::size_t num_folders = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(HEARTH_GOLDEN) + "/models")) {
    const std::string name = "models/" + entry.path().filename().string();
    const ordered_json expected = read_golden(name + "/expected.json");
    if (!expected.is_object() || !expected.contains("chat")) continue;
    SCOPED_TRACE(name);
    const auto loaded = ChatTemplate::load(entry.path());
    ASSERT_TRUE(loaded) << loaded.error().detail;
    const ordered_json& chat = expected["chat"];
    TemplateVariables variables;
    variables.messages = chat["messages"];
    variables.add_generation_prompt = chat["add_generation_prompt"].get<bool>();
    const ordered_json config = read_golden(name + "/tokenizer_config.json");
    for (const auto& [key, value] : config.items()) {
      if (key.ends_with("_token") && value.is_string()) variables.extra[key] = value;
    }
    const auto rendered = (*loaded)->render(variables);
    ASSERT_TRUE(rendered) << rendered.error().detail;
    EXPECT_EQ(rendered->text(), chat["text"].get<std::string>());
    if (chat.contains("add_special_tokens")) {
      EXPECT_EQ((*loaded)->leaves_bos_to_tokenizer(), chat["add_special_tokens"].get<bool>());
    }
    ++num_folders;
  }
  EXPECT_GE(num_folders, 14u);
}

}  // namespace
}  // namespace hearth::engine
