#include "engine/text/merge_symbols.h"

#include <map>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

using Pair = std::pair<TokenId, TokenId>;
using Ids = std::vector<TokenId>;

struct Rules {
  std::map<Pair, Merge> list;
  MergeTable table;

  void add(TokenId left, TokenId right, Merge merge) {
    list[{left, right}] = merge;
    table.add(left, right, merge);
  }
};

// The definition: join the leftmost pair of lowest rank until there is none.
Ids naive(const Rules& rules, const ForbiddenIds& forbidden, Ids symbols) {
  while (true) {
    std::size_t best = symbols.size();
    Merge merge;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = rules.list.find({symbols[i], symbols[i + 1]});
      if (found == rules.list.end()) continue;
      if (forbidden[static_cast<std::size_t>(found->second.id)]) continue;
      if (found->second.rank < merge.rank) {
        merge = found->second;
        best = i;
      }
    }
    if (best == symbols.size()) return symbols;
    symbols[best] = merge.id;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(MergeSymbols, EqualsItsDefinitionForShortAndLongWords) {
  std::mt19937 random(4);
  const auto below = [&](std::size_t end) { return static_cast<TokenId>(random() % end); };
  for (int round = 0; round < 400; ++round) {
    // Ranks in any order: a merge may well precede those that make its parts.
    Rules rules;
    for (std::uint32_t rank = 0; rank < 60; ++rank) {
      rules.add(below(30), below(30), {rank, below(30)});
    }
    ForbiddenIds forbidden(30);
    for (int i = 0; i < 3; ++i) forbidden[random() % 30] = true;
    Ids symbols(1 + random() % (round % 2 == 0 ? 40 : 400));
    for (TokenId& symbol : symbols) symbol = below(8);
    Ids merged = symbols;
    merge_symbols(rules.table, &forbidden, merged);
    ASSERT_EQ(merged, naive(rules, forbidden, symbols));
    merged = symbols;
    merge_symbols(rules.table, nullptr, merged);
    ASSERT_EQ(merged, naive(rules, ForbiddenIds(30), symbols));
  }
}

TEST(MergeTable, KeepsTheLaterOfTwoRanks) {
  MergeTable table;
  table.add(1, 2, {0, 3});
  table.add(1, 2, {5, 4});
  EXPECT_EQ(table.find(1, 2).rank, 5U);
  EXPECT_EQ(table.find(1, 2).id, 4);
  EXPECT_EQ(table.find(2, 1).id, -1);
}

}  // namespace
}  // namespace hearth::engine
