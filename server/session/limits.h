// Every bound of the session layer, with its default (reliability §1.3, DESIGN §10). The
// configuration fills it in once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "server/session/clock.h"

namespace hearth::server {

struct ConnectionLimits {
  Milliseconds hello_within{5'000};
  std::size_t frame_bytes_before_ready = 64 * 1024;
  std::size_t frame_bytes = 1024 * 1024;
  std::size_t json_depth = 32;  // of a message, and of a body over HTTP
  int strikes = 3;              // messages that cannot be understood; the last one closes
  double messages_per_s = 20.0;
  double burst = 40.0;                     // as many again above it close the socket
  double bytes_per_s = 2.0 * 1024 * 1024;  // the same for the bytes of frames, before they are read
  double bytes_burst = 4.0 * 1024 * 1024;
  std::size_t outbox_entries = 64;
  std::size_t outbox_bytes = 256 * 1024;  // one larger event may stand alone
  Milliseconds stalled_after{15'000};     // nothing taken for so long while something waits
  Milliseconds merge_window{20};          // between two deltas of one stream
  // So old it is told to come back on a new one, between two replies; each a little sooner, by up
  // to a tenth.
  Milliseconds max_age{12 * 60 * 60'000};
};

struct ServiceLimits {
  std::size_t content_bytes = 512 * 1024;
  std::size_t system_bytes = 16 * 1024;
  std::size_t title_chars = 200;
  std::int64_t max_tokens = 4096;        // of one reply, whatever is asked
  std::int64_t reply_room = 16;          // tokens that a prompt leaves of the context for a reply
  Milliseconds reply_time{10 * 60'000};  // a reply ends, as with max_tokens, after so much writing
  bool any_model = false;                // every name means the model that is served
  int running_per_user = 2;
  int queued_per_user = 4;
  int live_total = 256;                     // running and queued replies of everybody
  int live_per_address = 128;               // and of one address of the network
  std::int64_t memory = 512 * 1024 * 1024;  // that sockets and replies may hold; see overload.h
  int inspected_total = 16;  // of those, the ones whose candidates are kept: about 1 MB each
  int sockets_per_user = 8;
  int sockets_total = 4096;
  int preparing_per_user = 6;  // chat.create on their way to `accepted`
  Milliseconds detach_grace_running{10 * 60'000};
  Milliseconds detach_grace_queued{30 * 60'000};
  Milliseconds keep_ended{120'000};  // an ended reply stays in memory, for late attaches
  Milliseconds undo{30 * 60'000};    // what was deleted can be restored so long
  Milliseconds checkpoint_every{1'000};
  std::size_t checkpoint_tokens = 64;
  Milliseconds queue_events_every{500};
  Milliseconds drain_timeout{30'000};
  Milliseconds heartbeat{25'000};
  std::size_t cached_credentials = 4096;
  double identities_burst = 60.0;  // new ones from one address; does not hold for loopback
  double identities_per_s = 1.0;
  double phrases_burst = 10.0;  // wrong recovery phrases from one address
  double phrases_per_s = 1.0 / 30.0;
  std::int64_t retention_days = 0;  // conversations that nobody touched for so long go; 0: never
  std::int64_t import_bytes = 16 * 1024 * 1024;
  int imports_total = 4;  // files being read at once, of everybody
};

struct Limits {
  ConnectionLimits connection;
  ServiceLimits service;
};

}  // namespace hearth::server
