// The operator's keys in the data folder.
#include "server/store/key_file.h"

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "server/session/clock.h"
#include "tests/server/store/store_fixture.h"

namespace hearth::server {
namespace {

using testing::TemporaryFolder;

constexpr std::int64_t kNow = 1'765'432'100'000;

class KeyFile : public ::testing::Test {
 protected:
  Result<MadeKey> create(KeyRequest request) {
    return create_key(folder.path(), request, system_random(), kNow);
  }
  TemporaryFolder folder;
};

TEST_F(KeyFile, AFolderWithoutOneHasNoKeys) {
  const auto keys = read_keys(folder.path() / "nowhere");
  ASSERT_TRUE(keys);
  EXPECT_TRUE(keys->empty());
}

TEST_F(KeyFile, WhatIsMadeIsReadBackWithoutItsSecret) {
  const auto made =
      create({.label = "robot \"7\"", .scope = Scope::read, .expires_ms = kNow + 1000});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->secret.substr(0, 3), "hk-");
  ASSERT_TRUE(create({.label = "second"}));
  const auto keys = read_keys(folder.path());
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 2U);
  const OperatorKey& first = keys->front();
  EXPECT_EQ(first.label, "robot \"7\"");
  EXPECT_EQ(first.scope, Scope::read);
  EXPECT_EQ(first.hash, sha256(made->secret));
  EXPECT_EQ(first.id, key_id(first.hash));
  EXPECT_EQ(first.user, made->key.user);
  EXPECT_EQ(first.created_ms, kNow);
  EXPECT_EQ(first.expires_ms, kNow + 1000);
  EXPECT_NE(first.user, keys->back().user);
  std::ifstream in(key_file(folder.path()));
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(text.find(made->secret.substr(3)), std::string::npos);
  struct stat info = {};
  ASSERT_EQ(::stat(key_file(folder.path()).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(KeyFile, ARevokedKeyIsGoneAndAnUnknownOneIsSaidToBeUnknown) {
  const auto made = create({.label = "a"});
  ASSERT_TRUE(create({.label = "b"}));
  ASSERT_TRUE(revoke_key(folder.path(), made->key.id));
  const auto keys = read_keys(folder.path());
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().label, "b");
  EXPECT_EQ(revoke_key(folder.path(), made->key.id).error().code, ErrorCode::not_found);
}

TEST_F(KeyFile, LabelsAreBounded) {
  EXPECT_TRUE(create({.label = std::string(120, 'x')}));
  for (const std::string& label : {std::string(), std::string(121, 'x'), std::string("a\nb")})
    EXPECT_EQ(create({.label = label}).error().code, ErrorCode::invalid_parameter);
}

TEST_F(KeyFile, ADamagedFileIsRefusedAndNotOverwritten) {
  for (const char* text : {"", "{", "[]", R"({"keys": [{"label": "a"}]})", R"({"keys": 7})",
                           R"({"keys": [{"label": "a", "scope": "owner", "created": 1,
                               "user": "00112233445566778899aabbccddeeff", "sha256": "00"}]})"}) {
    std::ofstream(key_file(folder.path()), std::ios::trunc) << text;
    EXPECT_EQ(read_keys(folder.path()).error().code, ErrorCode::io_error) << text;
    EXPECT_EQ(create({.label = "a"}).error().code, ErrorCode::io_error) << text;
  }
}

TEST_F(KeyFile, CommandsAtOnceLoseNothing) {
  {
    std::vector<std::jthread> commands;
    for (int i = 0; i < 8; ++i) {
      commands.emplace_back([&] {
        for (int j = 0; j < 4; ++j) EXPECT_TRUE(create({.label = "one of many"}));
      });
    }
  }
  EXPECT_EQ(read_keys(folder.path())->size(), 32U);
}

TEST_F(KeyFile, AServerThatRunsHearsOfEachChange) {
  std::mutex mutex;
  std::condition_variable told;
  std::vector<std::size_t> counts;
  int num_unreadable = 0;
  KeyWatch watch(folder.path(), {.changed =
                                     [&](const std::vector<OperatorKey>& keys) {
                                       const std::lock_guard lock(mutex);
                                       counts.push_back(keys.size());
                                       told.notify_all();
                                     },
                                 .unreadable =
                                     [&](const std::string&) {
                                       const std::lock_guard lock(mutex);
                                       ++num_unreadable;
                                       told.notify_all();
                                     }});
  const auto wait = [&](auto condition) {
    std::unique_lock lock(mutex);
    told.wait(lock, condition);
  };
  wait([&] { return counts == std::vector<std::size_t>{0}; });
  const auto made = create({.label = "a"});
  wait([&] { return counts.back() == 1; });
  ASSERT_TRUE(revoke_key(folder.path(), made->key.id));
  wait([&] { return counts.back() == 0; });
  std::ofstream(key_file(folder.path()), std::ios::trunc) << "{ no keys at all";
  wait([&] { return num_unreadable >= 1; });
}

}  // namespace
}  // namespace hearth::server
