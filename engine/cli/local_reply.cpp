#include "engine/cli/local_reply.h"

#include <array>
#include <cerrno>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/text/stop_matcher.h"
#include "engine/text/stream_decoder.h"

namespace hearth::engine {

StepSignal::StepSignal() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(fd_ >= 0); }

StepSignal::~StepSignal() { close(fd_); }

void StepSignal::raise() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

bool StepSignal::wait(int other_fd) {
  std::array<pollfd, 2> fds{{{fd_, POLLIN, 0}, {other_fd, POLLIN, 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0) CHECK(errno == EINTR);
  std::uint64_t raised = 0;
  [[maybe_unused]] const ssize_t num_read = read(fd_, &raised, sizeof raised);
  return (fds[1].revents & POLLIN) != 0;
}

LocalReply follow_reply(Engine& engine, StepSignal& signal, const TokenStream& stream,
                        const std::shared_ptr<const Tokenizer>& tokenizer,
                        const LocalReplyOptions& options) {
  LocalReply reply;
  StreamDecoder decoder(tokenizer);
  StopMatcher matcher(options.stop);
  bool stopped = false;
  int interrupt_fd = options.interrupt_fd;
  const auto take = [&](const std::string& text) {
    reply.text += text;
    if (options.show && !text.empty()) options.show(text);
  };
  for (;;) {
    const FinishedEvent* finished = stream.finished();
    for (const std::size_t published = stream.published();
         !stopped && reply.ids.size() < published;) {
      const TokenId id = stream.token(reply.ids.size()).id;
      reply.ids.push_back(id);
      const StopMatcher::Output output = matcher.push(decoder.push(id));
      take(output.text);
      stopped = output.stopped;
      if (stopped) engine.cancel(stream.id());
    }
    if (finished != nullptr) {
      if (!stopped) {
        const StopMatcher::Output tail = matcher.push(decoder.finish());
        take(tail.text);
        stopped = tail.stopped;
        if (!stopped) take(matcher.finish());
      }
      reply.finished = *finished;
      reply.finish_reason = stopped ? "stop" : to_string(finished->reason);
      return reply;
    }
    if (signal.wait(interrupt_fd)) {
      interrupt_fd = -1;
      engine.cancel(stream.id());
    }
  }
}

}  // namespace hearth::engine
