// What stands in an error, and that no broken template does harm.
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/text/jinja/rendering.h"

namespace hearth::engine {
namespace {

std::string detail_of(const std::string& source, const TemplateVariables& variables = {}) {
  const auto rendered = render(source, variables);
  return rendered ? "" : rendered.error().detail;
}

TEST(ChatTemplateSyntax, ErrorsNameTheLine) {
  EXPECT_NE(detail_of("a\nb\n{% if x %}").find("line 3"), std::string::npos);
  EXPECT_NE(detail_of("a\n\n{{ 1 + }}").find("line 3"), std::string::npos);
  EXPECT_NE(detail_of("a\n{{ nope.x }}").find("line 2"), std::string::npos);
  EXPECT_EQ(detail_of("{{ raise_exception('Only user turns!') }}"), "Only user turns!");
}

TEST(ChatTemplateSyntax, WhatIsLeftOutOfTheLanguageIsRefusedByName) {
  for (const char* tag : {"include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'",
                          "block b", "autoescape true"}) {
    const std::string source = "{% " + std::string(tag) + " %}";
    EXPECT_EQ(text_of(source), "!template_syntax") << source;
    EXPECT_NE(detail_of(source).find("not part of the language"), std::string::npos) << source;
  }
  EXPECT_EQ(text_of("{% for x in [1] recursive %}{% endfor %}"), "!template_syntax");
  EXPECT_EQ(text_of("{% break %}"), "!template_syntax");
}

TEST(ChatTemplateSyntax, BytesThatAreNotUtf8AreRefusedInTemplatesAndReplacedInMessages) {
  EXPECT_EQ(text_of("a\xFF"), "!template_syntax");
  EXPECT_EQ(text_of("{{ messages[0].content }}", one_message("a\xFF"
                                                             "b\xE4\xB8")),
            "a\uFFFDb\uFFFD\uFFFD");
}

// Truncation at every byte of published templates: an error or a text, never a crash.
TEST(ChatTemplateSyntax, ATemplateMayEndAnywhere) {
  std::ifstream file(std::string(HEARTH_GOLDEN) + "/chat_templates.json");
  const auto golden = nlohmann::ordered_json::parse(file, nullptr, false);
  std::set<std::string> sources;
  for (const auto& reference : golden["cases"]) {
    const auto source = reference["template"].get<std::string>();
    if (source.size() > 4000 || !sources.insert(source).second) continue;
    const TemplateVariables variables = variables_from(reference["variables"], golden["now"]);
    const std::size_t stride = source.size() > 1000 ? 7 : 1;
    for (std::size_t end = 0; end < source.size(); end += stride) {
      const auto rendered = render(source.substr(0, end), variables);
      EXPECT_TRUE(rendered || !rendered.error().detail.empty());
    }
  }
  EXPECT_GT(sources.size(), 60u);
}

TEST(ChatTemplateSyntax, ManyThreadsMayRenderAtOnce) {
  const auto compiled = ChatTemplate::compile(
      "{% for m in messages %}{{ m.role | upper }}{{ m.content }}{% endfor %}");
  ASSERT_TRUE(compiled);
  std::vector<std::jthread> threads;
  std::vector<std::string> texts(4);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 100; ++round) {
        const auto rendered = (*compiled)->render(one_message(std::to_string(i)));
        texts[i] = rendered ? rendered->text() : "failed";
      }
    });
  }
  threads.clear();
  EXPECT_EQ(texts, (std::vector<std::string>{"USER0", "USER1", "USER2", "USER3"}));
}

TEST(ChatTemplateSyntax, TheClockIsTheComputersWhenNoneIsGiven) {
  const std::string year = text_of("{{ strftime_now('%Y') }}");
  EXPECT_EQ(year.size(), 4u);
  EXPECT_GE(year, "2024");
}

TEST(ChatTemplateSyntax, MonthsAreEnglishInEveryLocale) {
  TemplateVariables variables;
  variables.now = local_time("2024-03-05T16:07:09");
  EXPECT_EQ(text_of("{{ strftime_now('%d %B %Y, %A %I:%M %p') }}", variables),
            "05 March 2024, Tuesday 04:07 PM");
}

}  // namespace
}  // namespace hearth::engine
