#pragma once

#include "server/net/asio.h"
#include "server/net/event_loop.h"

namespace hearth::server {

struct EventLoop::Impl {
  asio::io_context context{1};  // hint: one thread, no locking between handlers
};

}  // namespace hearth::server
