// The I/O thread, which is also the service's strand (DESIGN §10, Threads). No Asio in sight.
#pragma once

#include <functional>
#include <memory>

#include "server/session/clock.h"

namespace hearth::server {

// One thread calls run(); everything that is posted runs there, in order.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Until stop(). Exceptions of a handler are logged and swallowed: one request must not end the
  // others.
  void run();
  void stop();  // any thread

  // Any thread; never runs inside the call.
  void post(std::function<void()> job);

  // Loop thread (or before run). Runs job at once, and again after the delay it returned; a job
  // that throws is logged and runs again. The function that comes back asks for the next run at
  // once.
  std::function<void()> repeat(std::function<Milliseconds()> job);
  // Once.
  void after(Milliseconds delay, std::function<void()> job);

  // SIGINT and SIGTERM, any number of times.
  void on_signal(std::function<void(int signal)> handler);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::server
