#include "server/net/event_loop.h"

#include <csignal>
#include <exception>

#include <spdlog/spdlog.h>

#include "server/net/event_loop_impl.h"

namespace hearth::server {
namespace {

constexpr Milliseconds kAfterFailure{250};

struct Repeater : std::enable_shared_from_this<Repeater> {
  Repeater(asio::io_context& context, std::function<Milliseconds()> what)
      : timer(context), job(std::move(what)) {}
  void run() { run_after(delay_after_a_run()); }
  Milliseconds delay_after_a_run() {
    try {
      return job();
    } catch (const std::exception& failure) {  // timeouts, retries and the drain hang on this job
      spdlog::error("the regular work failed: {}", failure.what());
      return kAfterFailure;
    }
  }
  void run_after(Milliseconds delay) {
    timer.expires_after(delay);  // what was waited for before is off
    timer.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->run();
    });
  }
  asio::steady_timer timer;
  std::function<Milliseconds()> job;
};

void wait_for_signal(const std::shared_ptr<asio::signal_set>& signals,
                     const std::shared_ptr<std::function<void(int)>>& handler) {
  signals->async_wait([signals, handler](error_code ec, int number) {
    if (ec) return;
    (*handler)(number);
    wait_for_signal(signals, handler);
  });
}

}  // namespace

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  const auto work = asio::make_work_guard(impl_->context);
  while (!impl_->context.stopped()) {
    try {
      impl_->context.run();
    } catch (const std::exception& failure) {
      spdlog::error("an I/O handler failed: {}", failure.what());
    }
  }
}

void EventLoop::stop() { impl_->context.stop(); }

void EventLoop::post(std::function<void()> job) { asio::post(impl_->context, std::move(job)); }

std::function<void()> EventLoop::repeat(std::function<Milliseconds()> job) {
  const auto repeater = std::make_shared<Repeater>(impl_->context, std::move(job));
  post([repeater] { repeater->run(); });
  return [weak = std::weak_ptr<Repeater>(repeater)] {
    if (const auto alive = weak.lock()) alive->run_after(Milliseconds(0));
  };
}

void EventLoop::after(Milliseconds delay, std::function<void()> job) {
  auto timer = std::make_shared<asio::steady_timer>(impl_->context, delay);
  timer->async_wait([timer, job = std::move(job)](error_code ec) {
    if (!ec) job();
  });
}

void EventLoop::on_signal(std::function<void(int)> handler) {
  const auto signals = std::make_shared<asio::signal_set>(impl_->context, SIGINT, SIGTERM);
  wait_for_signal(signals, std::make_shared<std::function<void(int)>>(std::move(handler)));
}

}  // namespace hearth::server
