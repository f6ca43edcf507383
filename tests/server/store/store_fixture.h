// Both stores behind one fixture: calls that wait for their answer.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <gtest/gtest.h>

#include "server/store/memory_store.h"
#include "server/store/sqlite_store.h"

namespace hearth::server::testing {

// The service's thread, as far as a store can tell: whoever calls run_until.
class Loop {
 public:
  Post post() {
    return [this](std::function<void()> task) {
      {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
      }
      changed_.notify_one();
    };
  }
  void run_until(const std::function<bool()>& is_done) {
    while (!is_done()) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !tasks_.empty(); });
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

// A folder of its own, gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "hearth-store-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Waits for the answer of one call: ask<T>(loop, [&](auto done) { store.list(…, done); }).
template <class T, class Call>
Result<T> ask(Loop& loop, Call call) {
  std::optional<Result<T>> answer;
  call(HistoryStore::Done<T>([&](Result<T> result) { answer = std::move(result); }));
  EXPECT_FALSE(answer.has_value()) << "a callback ran inside its call";
  loop.run_until([&] { return answer.has_value(); });
  return std::move(*answer);
}

template <class IdType>
IdType numbered(int number) {
  IdType id;
  id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

// A turn as the service writes it: user message 2n, reply 2n + 1, client id "cn".
inline NewTurn turn(UserId owner, int conversation, int n, std::optional<MessageId> parent = {}) {
  NewTurn made;
  made.owner = owner;
  made.conversation = numbered<ConversationId>(conversation);
  made.now_ms = 1000 + n;
  if (!parent) {
    made.new_conversation = Conversation{.id = made.conversation,
                                         .title = "title " + std::to_string(conversation),
                                         .created_ms = made.now_ms,
                                         .updated_ms = made.now_ms};
  }
  made.user_message = Message{.id = numbered<MessageId>(2 * n),
                              .parent = parent,
                              .role = Role::user,
                              .content = "question " + std::to_string(n),
                              .created_ms = made.now_ms};
  made.reply = Message{.id = numbered<MessageId>(2 * n + 1),
                       .parent = made.user_message->id,
                       .role = Role::assistant,
                       .status = MessageStatus::queued,
                       .created_ms = made.now_ms,
                       .model = "m",
                       .fingerprint = "fp",
                       .seed = 0xffff'ffff'ffff'fff0U,
                       .params_json = R"({"top_p":0.5})",
                       .dropped = {numbered<MessageId>(900), numbered<MessageId>(901)}};
  if (made.new_conversation) made.new_conversation->head = made.reply.id;
  made.client_id = "c" + std::to_string(n);
  made.body_hash = sha256("body " + std::to_string(n));
  return made;
}

inline ReplyEnd ended(std::string text, EndReason reason = EndReason::stop) {
  return {.reason = reason,
          .text = std::move(text),
          .tokens = 7,
          .prompt_tokens = 11,
          .cached_tokens = 5,
          .queue_ms = 1.5,
          .prefill_ms = 2.5,
          .decode_ms = 3.5};
}

}  // namespace hearth::server::testing
