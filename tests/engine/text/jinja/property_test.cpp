// Properties over random chains of filters and methods.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/text/jinja/rendering.h"

namespace hearth::engine {
namespace {

// Steps from text to text that add nothing of their own.
rc::Gen<std::string> text_step() {
  return rc::gen::element<std::string>(
      "|upper", "|lower", "|title", "|capitalize", "|trim", "|reverse", "|string", "|list|join",
      "|safe|string", "|default('x')", "|replace('a', '')", "[::-1]", "[1:]", "[:-1]", "[::2]",
      ".strip()", ".upper()", ".swapcase()", ".casefold()", ".split()|join", ".split('a')|join",
      ".splitlines()|join", ".rsplit('b', 1)|last", ".partition('c')|join", "|map('upper')|join",
      "|sort|join", "|unique|join", "|batch(2)|map('join')|join", "|format",
      "|tojson|replace('\"', '')", ".replace('x', 'y').replace('y', '')");
}

std::string chain_of(const std::vector<std::string>& steps) {
  std::string chain;
  for (const std::string& step : steps)
    chain = "(" + chain + (chain.empty() ? "c" : "") + ")" + step;
  return chain.empty() ? "c" : chain;
}

rc::Gen<std::vector<std::string>> short_chain() {
  return rc::gen::scale(0.15, rc::gen::container<std::vector<std::string>>(text_step()));
}

rc::Gen<std::string> content() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
          "a", "B", "c", "x", " ", "\n", "<|im_end|>", "中", "é", "ß", "Σ", "\"", "😀")),
      [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += part;
        return text;
      });
}

RC_GTEST_PROP(OriginProperty, NoByteOfAMessageBecomesTheTemplates, ()) {
  const std::string source =
      "{% set c = messages[0].content %}{{ " + chain_of(*short_chain()) + " }}";
  const auto rendered = render(source, one_message(*content()));
  if (!rendered)
    return;  // a format character in the content, an index past the end: the error says so
  for (const MarkedText::Run& run : rendered->runs()) RC_ASSERT(run.origin == Origin::from_message);
}

// The same content as a template variable: the marks differ, the text must not.
RC_GTEST_PROP(OriginProperty, MarksDoNotChangeTheText, ()) {
  const std::string chain = chain_of(*short_chain());
  const std::string text = *content();
  TemplateVariables variables = one_message(text);
  variables.extra = {{"e", text}};
  const auto from_message =
      text_of("{% set c = messages[0].content %}{{ " + chain + " }}", variables);
  const auto from_template = text_of("{% set c = e %}{{ " + chain + " }}", variables);
  RC_ASSERT(from_message == from_template);
}

RC_GTEST_PROP(OriginProperty, RunsCoverTheTextExactly, ()) {
  const std::string source = "{% set c = messages[0].content %}<{{ " + chain_of(*short_chain()) +
                             " }}>{{ [c, 1] }}{{ c | indent(2) }}";
  const auto rendered = render(source, one_message(*content()));
  if (!rendered) return;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < rendered->runs().size(); ++i) {
    RC_ASSERT(rendered->runs()[i].bytes > 0u);
    if (i > 0) RC_ASSERT(rendered->runs()[i].origin != rendered->runs()[i - 1].origin);
    covered += rendered->runs()[i].bytes;
  }
  RC_ASSERT(covered == rendered->text().size());
}

}  // namespace
}  // namespace hearth::engine
