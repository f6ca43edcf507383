#include "engine/runtime/mailbox.h"

#include <utility>

namespace hearth::engine {

bool Mailbox::post(Command& command) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    commands_.push_back(std::move(command));
  }
  mail_or_closed_.notify_one();
  return true;
}

bool Mailbox::take(std::vector<Command>& commands, Wait wait) {
  commands.clear();
  std::unique_lock lock(mutex_);
  if (wait == Wait::until_mail) {
    mail_or_closed_.wait(lock, [this] { return is_closed_ || !commands_.empty(); });
  }
  commands.swap(commands_);
  return !is_closed_;
}

void Mailbox::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  mail_or_closed_.notify_all();
}

}  // namespace hearth::engine
