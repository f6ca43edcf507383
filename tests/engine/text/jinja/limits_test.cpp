// Reliability R-18: a downloaded template costs a bounded amount of memory, time and stack.
#include <string>

#include <gtest/gtest.h>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/parser.h"
#include "tests/engine/text/jinja/rendering.h"

namespace hearth::engine {
namespace {

const std::string kLimit = "!template_limit";

std::string repeated(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

TEST(Limits, OutputMayReachOneMebibyteButNotOneBytePast) {
  EXPECT_EQ(text_of("{{ 'a' * 1048576 }}").size(), 1048576u);
  EXPECT_EQ(text_of("{{ 'a' * 1048577 }}"), kLimit);
  EXPECT_EQ(text_of("{{ 'a' * 1048576 }}b"), kLimit);
  EXPECT_EQ(text_of("{{ 'a' * 10 ** 30 }}"), kLimit);
}

TEST(Limits, LoopsMayHaveAHundredThousandRoundsButNotOneMore) {
  EXPECT_EQ(text_of("{% for i in range(100000) %}{% endfor %}ok"), "ok");
  EXPECT_EQ(text_of("{% for i in range(100001) %}{% endfor %}"), kLimit);
  EXPECT_EQ(text_of("{{ range(10 ** 18) }}"), kLimit);
  EXPECT_EQ(text_of("{{ [1] * 100001 }}"), kLimit);
  EXPECT_EQ(text_of("{{ ([1, 2] * 50001) | length }}"), kLimit);
}

TEST(Limits, StepsMayReachTheirBoundButNotOnePast) {
  const jinja::Limits limits;
  jinja::Budget budget(limits);
  budget.step(limits.steps);
  EXPECT_THROW(budget.step(), jinja::Failure);
  EXPECT_EQ(
      text_of("{% for i in range(100000) %}{% for j in range(100) %}{% endfor %}{% endfor %}"),
      kLimit);
}

TEST(Limits, NestingOfTheSourceMayReachSixtyFour) {
  EXPECT_EQ(text_of("{{ " + repeated("(", 63) + "1" + repeated(")", 63) + " }}"), "1");
  EXPECT_EQ(text_of("{{ " + repeated("(", 64) + "1" + repeated(")", 64) + " }}"), kLimit);
  const auto ifs = [](std::size_t count) {
    return repeated("{% if 1 %}", count) + repeated("{% endif %}", count);
  };
  EXPECT_EQ(text_of(ifs(63) + "x"), "x");
  EXPECT_EQ(text_of(ifs(65)), kLimit);
  for (const char* part : {"(", "[", "{1:", "not ", "-", "x if y else ", "f(", "a|b("}) {
    EXPECT_EQ(text_of("{{ " + repeated(part, 100000)), kLimit) << part;
  }
  EXPECT_EQ(text_of("{{ x" + repeated(".a", 1000) + " }}"), kLimit);
  EXPECT_EQ(text_of("{{ x" + repeated("|upper", 1000) + " }}"), kLimit);
}

TEST(Limits, LongFlatChainsAreNotDeep) {
  EXPECT_EQ(text_of("{{ 0" + repeated(" + 1", 2000) + " }}"), "2000");
  EXPECT_EQ(text_of("{{ ''" + repeated(" ~ 'x'", 2000) + " }}").size(), 2000u);
  EXPECT_EQ(text_of("{% if 0 %}" + repeated("{% elif 0 %}", 2000) + "{% else %}x{% endif %}"), "x");
}

TEST(Limits, MacrosMayCallEachOtherSixtyFourDeep) {
  const auto nested = [](int depth) {
    return "{% macro m(n) %}{% if n > 1 %}{{ m(n - 1) }}{% else %}x{% endif %}{% endmacro %}{{ m(" +
           std::to_string(depth) + ") }}";
  };
  EXPECT_EQ(text_of(nested(64)), "x");
  EXPECT_EQ(text_of(nested(65)), kLimit);
  EXPECT_EQ(text_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), kLimit);
}

TEST(Limits, RepeatedDoublingEndsEarly) {
  const std::string doubling =
      "{% set ns = namespace(x=START) %}{% for i in range(60) %}{% set ns.x = STEP %}{% endfor %}";
  const auto with = [&](const std::string& start, const std::string& step) {
    std::string source = doubling;
    source.replace(source.find("START"), 5, start);
    return source.replace(source.find("STEP"), 4, step);
  };
  EXPECT_EQ(text_of(with("'a'", "ns.x ~ ns.x")), kLimit);
  EXPECT_EQ(text_of(with("'a'", "ns.x + ns.x")), kLimit);
  EXPECT_EQ(text_of(with("'a'", "ns.x.replace('a', 'aa')")), kLimit);
  EXPECT_EQ(text_of(with("'a'", "ns.x | replace('', ns.x)")), kLimit);
  EXPECT_EQ(text_of(with("'ab'", "ns.x.join(ns.x | list)")), kLimit);
  EXPECT_EQ(text_of(with("[1]", "ns.x + ns.x")), kLimit);
  EXPECT_EQ(text_of(with("[1]", "[ns.x, ns.x]") + "{{ ns.x == 1 }}"), kLimit);
  EXPECT_EQ(text_of(with("{}", "{'a': ns.x, 'b': ns.x}")), kLimit);
  EXPECT_EQ(text_of(with("'%s'", "(ns.x ~ ns.x) | format(1, 2)")).rfind("!", 0), 0u);
  EXPECT_EQ(text_of(with("2", "ns.x * ns.x")), kLimit);
  EXPECT_EQ(text_of(with("2", "ns.x ** ns.x")), kLimit);
}

TEST(Limits, PaddingIsBoundedBeforeItIsMade) {
  for (const char* expression :
       {"'a'.center(10 ** 12)", "'a'.ljust(10 ** 12)", "'a'.zfill(10 ** 12)",
        "'a' | center(10 ** 12)", "'a\nb' | indent(10 ** 12)", "'%1000000000d' % 1",
        "'%*d' % (10 ** 12, 1)", "'{:1000000000}'.format(1)", "'\t'.expandtabs(10 ** 12)",
        "[1] | tojson(indent=10 ** 12) * 1100", "[1] | batch(10 ** 12, 0) | list",
        "[1] | slice(10 ** 12) | list", "strftime_now('%999999999d')"}) {
    EXPECT_EQ(text_of("{{ " + std::string(expression) + " }}"), kLimit) << expression;
  }
}

TEST(Limits, ValuesThatHoldThemselvesCanBePrintedAndFreed) {
  EXPECT_EQ(text_of("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"), kLimit);
  EXPECT_EQ(text_of("{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns.me | length }}"), "1");
  EXPECT_EQ(text_of("{% for x in [1] %}{{ loop.changed(loop) }}{% endfor %}"), "True");
}

TEST(Limits, ChainsOfValuesEndBeforeTheStackDoes) {
  const auto chain = [](const std::string& step) {
    return "{% set ns = namespace(x=0) %}{% for i in range(90000) %}{% set ns.x = " + step +
           " %}{% endfor %}ok";
  };
  EXPECT_EQ(text_of(chain("[ns.x]")), kLimit);
  EXPECT_EQ(text_of(chain("{'a': ns.x}")), kLimit);
  EXPECT_EQ(text_of(chain("[ns.x].count")), kLimit);
  EXPECT_EQ(text_of(chain("joiner(ns.x)")), kLimit);
}

TEST(Limits, MessagesMayNestTwoHundredDeep) {
  const auto nested = [](std::size_t depth) {
    TemplateVariables variables;
    nlohmann::ordered_json value = 1;
    for (std::size_t i = 0; i < depth; ++i) {
      nlohmann::ordered_json outer = nlohmann::ordered_json::array();
      outer.push_back(std::move(value));
      value = std::move(outer);
    }
    variables.messages = std::move(value);
    return variables;
  };
  EXPECT_EQ(text_of("{{ messages | length }}", nested(199)), "1");
  EXPECT_EQ(text_of("{{ messages | length }}", nested(201)), kLimit);
  EXPECT_EQ(text_of("{{ messages | length }}", nested(2000)), kLimit);
}

TEST(Limits, TemplatesMayHaveOneMebibyte) {
  EXPECT_EQ(text_of(std::string(1 << 20, 'a')).size(), std::size_t{1} << 20);
  EXPECT_EQ(text_of(std::string((1 << 20) + 1, 'a')), kLimit);
}

}  // namespace
}  // namespace hearth::engine
