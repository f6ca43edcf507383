#include "engine/base/error.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(ErrorCode, NamesAreDistinctAndSnakeCase) {
  std::set<std::string> names;
  for (int value = 0; value <= static_cast<int>(ErrorCode::io_error); ++value) {
    const std::string name(to_string(static_cast<ErrorCode>(value)));
    EXPECT_FALSE(name.empty());
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
    EXPECT_TRUE(names.insert(name).second) << "two codes are called " << name;
  }
}

TEST(Result, CarriesTheErrorThatFailMade) {
  const Result<int> result = fail(ErrorCode::not_found, "There is no such conversation.");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::not_found);
  EXPECT_EQ(result.error().detail, "There is no such conversation.");
}

}  // namespace
}  // namespace hearth
