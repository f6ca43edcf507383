#include "server/net/event_loop.h"

#include <csignal>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

// Once, a job that threw never ran again: no timeouts, no retries, no drain, and not a word.
TEST(EventLoop, ARegularJobThatThrowsRunsAgain) {
  EventLoop loop;
  int runs = 0;
  loop.repeat([&]() -> Milliseconds {
    if (++runs == 1) throw std::runtime_error("once");
    loop.stop();
    return Milliseconds(0);
  });
  loop.run();
  EXPECT_EQ(runs, 2);
}

TEST(EventLoop, ARegularJobCanBeAskedForBeforeItsTime) {
  EventLoop loop;
  int runs = 0;
  std::function<void()> hasten;
  hasten = loop.repeat([&] {
    if (++runs == 2) loop.stop();
    if (runs == 1) loop.post([&] { hasten(); });
    return Milliseconds(std::chrono::hours(1));
  });
  loop.run();
  EXPECT_EQ(runs, 2);
}

TEST(EventLoop, AJobThatThrowsDoesNotEndTheOthers) {
  EventLoop loop;
  bool ran = false;
  loop.post([] { throw std::runtime_error("one"); });
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(EventLoop, ASignalFromBeforeItRunsIsHeard) {
  EventLoop loop;
  int heard = 0;
  loop.on_signal([&](int signal) {
    heard = signal;
    loop.stop();
  });
  std::raise(SIGTERM);
  loop.run();
  EXPECT_EQ(heard, SIGTERM);
}

}  // namespace
}  // namespace hearth::server
