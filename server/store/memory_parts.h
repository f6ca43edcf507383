// What the memory store's two halves share.
#pragma once

#include <utility>

#include "server/store/cursor.h"
#include "server/store/memory_store.h"

namespace hearth::server {

namespace memory {

inline tl::unexpected<Error> not_found() {
  return fail(ErrorCode::not_found, "There is no such id here.");
}

inline std::size_t size_of(const Message& message) {
  return message.content.size() + message.params_json.size() + kMessageOverheadBytes;
}

// What an identity costs beside its texts.
inline constexpr std::size_t kAccountBytes = 512;

inline bool is_live(const Message& message) {
  return message.status == MessageStatus::queued || message.status == MessageStatus::streaming;
}

}  // namespace memory

template <class T>
void MemoryStore::answer(Done<T> done, Result<T> result) {
  if (!done) return;
  post_([done = std::move(done), result = std::move(result)] { done(result); });
}

}  // namespace hearth::server
