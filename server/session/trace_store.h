// The seam to where traces are kept; implemented beside HistoryStore, in the same transaction
// order. A trace is a handful of blobs at numbered places (trace_codec.h says what they hold).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/session/ids.h"

namespace hearth::server {

inline constexpr std::size_t kTraceChunkTokens = 64;
inline constexpr std::size_t kTraceBytesPerUser = 16 * 1024 * 1024;  // at odd places

// Even places hold what a reply is made of; odd ones what may be dropped to make room.
struct TracePlace {
  static constexpr std::int64_t kHead = 0;
  static constexpr std::int64_t kPrompt = -1;
  static constexpr std::int64_t tokens(std::size_t chunk) {
    return 2 * static_cast<std::int64_t>(chunk) + 2;
  }
  static constexpr std::int64_t candidates(std::size_t chunk) { return tokens(chunk) + 1; }
};

struct TraceBlob {
  std::int64_t place = 0;
  std::string data{};
};

// As HistoryStore: the service's thread, callbacks later on that thread, every call names the
// owner.
class TraceStore {
 public:
  using Loaded = std::function<void(Result<std::vector<TraceBlob>>)>;

  virtual ~TraceStore() = default;

  // Replaces what lies at those places. Nothing is kept of a message that is gone or another's.
  // When the owner's odd places hold more than kTraceBytesPerUser, those of the oldest messages are
  // dropped, this one's last.
  virtual void save_trace(UserId owner, MessageId message, std::vector<TraceBlob> blobs) = 0;

  // Those of the places that hold something, in the given order. A foreign id has none.
  virtual void load_trace(UserId owner, MessageId message, std::vector<std::int64_t> places,
                          Loaded done) = 0;
};

}  // namespace hearth::server
