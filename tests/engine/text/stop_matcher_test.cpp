#include "engine/text/stop_matcher.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

struct Outcome {
  std::string shown;
  bool stopped = false;
  std::string stop_string;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << '"' << outcome.shown << "\" " << outcome.stopped << " \"" << outcome.stop_string << '"';
}

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pushes) {
  StopMatcher matcher(stops);
  Outcome outcome;
  for (const std::string& text : pushes) {
    const StopMatcher::Output output = matcher.push(text);
    outcome.shown += output.text;
    if (output.stopped) return {outcome.shown, true, output.stop_string};
  }
  outcome.shown += matcher.finish();
  return outcome;
}

// What the header promises, said naively: the occurrence that is complete first, of those the
// longest.
Outcome naive(const std::vector<std::string>& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::string longest;
    for (const std::string& stop : stops) {
      const bool ends_here = !stop.empty() && text.substr(0, end).ends_with(stop);
      if (ends_here && stop.size() > longest.size()) longest = stop;
    }
    if (!longest.empty()) return {text.substr(0, end - longest.size()), true, longest};
  }
  return {text, false, ""};
}

TEST(StopMatcher, PassesTextThroughWithoutStopStrings) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.push("Hello").text, "Hello");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, CutsBeforeTheStopString) {
  EXPECT_EQ(run({"END"}, {"one END two"}), (Outcome{"one ", true, "END"}));
}

TEST(StopMatcher, FindsAStopStringAcrossPushes) {
  EXPECT_EQ(run({"\n\nUser:"}, {"fine.\n", "\nUs", "er", ": no"}),
            (Outcome{"fine.", true, "\n\nUser:"}));
}

TEST(StopMatcher, HoldsBackOnlyWhatCouldBecomeAStopString) {
  StopMatcher matcher({"abc"});
  EXPECT_EQ(matcher.push("xab").text, "x");
  EXPECT_EQ(matcher.push("d").text, "abd");
  EXPECT_EQ(matcher.push("ab").text, "");
  EXPECT_EQ(matcher.finish(), "ab");
}

TEST(StopMatcher, FallsBackInsideAPartlyMatchedString) {
  EXPECT_EQ(run({"aab"}, {"aaa", "ab!"}), (Outcome{"aa", true, "aab"}));
}

TEST(StopMatcher, PrefersTheOccurrenceThatIsCompleteFirst) {
  EXPECT_EQ(run({"abcd", "bc"}, {"abcd"}), (Outcome{"a", true, "bc"}));
  EXPECT_EQ(run({"b", "ab"}, {"xab"}), (Outcome{"x", true, "ab"}));
}

TEST(StopMatcher, KeepsCharactersWhole) {
  StopMatcher matcher({"。完"});
  EXPECT_EQ(matcher.push("好。").text, "好");
  EXPECT_EQ(matcher.push("了").text, "。了");
}

TEST(StopMatcher, GivesTheSameAnswerHoweverTheTextIsCut) {
  std::mt19937 random(1);
  const auto word = [&](std::size_t max) {
    std::string text(1 + random() % max, 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops(1 + random() % 3);
    for (std::string& stop : stops) stop = word(6);
    const std::string text = word(24);
    std::vector<std::string> pushes;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t bytes = 1 + random() % 4;
      pushes.push_back(text.substr(at, bytes));
      at += bytes;
    }
    ASSERT_EQ(run(stops, pushes), naive(stops, text)) << text;
  }
}

}  // namespace
}  // namespace hearth::engine
