// One answer being produced: its text, its token positions, its state, and who watches it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"
#include "server/session/admission.h"
#include "server/session/clock.h"
#include "server/session/connection.h"
#include "server/session/events.h"
#include "server/session/model_info.h"
#include "server/session/queue_forecast.h"
#include "server/session/records.h"
#include "server/session/reply_text.h"
#include "server/session/trace.h"

namespace hearth::server {

// Owned by Replies, which does everything that leaves this object (engine, store). A reply belongs
// to the service, not to a socket: watchers come and go.
class Reply {
 public:
  // held: waits for another reply of its user. submitted: in the engine. ending: its end is being
  // stored. ended: stored, or not.
  // paused: a stepped reply between two steps; it holds nothing in the engine.
  enum class Phase : std::uint8_t { paused, held, submitted, ending, ended };

  struct Spec {
    UserId owner{};
    ConversationId conversation{};
    Message row{};  // as it was stored: id, parent, model, seed, …
    engine::GenerationRequest request{};
    std::vector<std::string> stop_strings{};
    std::vector<TokenId> begun{};   // chat.continue: what is there already; also given in `request`
    double decode_ms_before = 0.0;  // that took so long; 0: not known
    std::shared_ptr<const ModelInfo> model{};
    Admission::Ticket ticket{};
    bool is_stepped = false;              // written on demand; needs the trace
    std::unique_ptr<ReplyTrace> trace{};  // null: its tokens are kept nowhere
  };

  Reply(Spec spec, Instant now);
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  const MessageId& id() const { return spec_.row.id; }
  const UserId& owner() const { return spec_.owner; }
  const ConversationId& conversation() const { return spec_.conversation; }
  engine::RequestId request_id() const { return spec_.request.id; }
  Phase phase() const { return phase_; }
  bool is_live() const { return phase_ < Phase::ending; }
  bool is_running() const { return phase_ == Phase::submitted && has_started_; }
  bool is_queued() const { return is_live() && phase_ != Phase::paused && !has_started_; }
  const ReplyText& text() const { return text_; }
  const ReplyEnd& end() const { return end_; }  // once ending
  // Until it is stored; null afterwards.
  ReplyTrace* trace() const { return spec_.trace.get(); }
  const engine::TokenStream* stream() const { return stream_.get(); }

  // The stored row with what is known now.
  Message message() const;
  ReplySoFar so_far() const;

  // Sends the state, then every token from `have` on, and goes on live. A `have` beyond the end
  // gets a snapshot.
  void watch(const std::shared_ptr<Connection>& connection, std::size_t have);
  // For who asked to stop it: `done` with that `re`, and nothing else unless it watches. False: too
  // many such questions of that connection wait for it.
  bool watch_end(const std::shared_ptr<Connection>& connection, const std::string& re);
  void unwatch(const Connection& connection, Instant now);
  // False: a reader with so many tokens gets a snapshot.
  bool can_go_on_from(std::size_t have) const {
    return have <= shown_to() && (have >= spec_.begun.size() || have == shown_to());
  }
  // What watchers with full outboxes have missed so far, as far as there is room now.
  void catch_up();
  bool is_watched() const { return !watchers_.empty(); }
  bool is_watched_by(const Connection& connection) const;
  // Its conversation was deleted: it stays only for those who watch it.
  void forget() { is_forgotten_ = true; }
  bool is_forgotten() const { return is_forgotten_; }
  // How long nobody has watched; nullopt while somebody does.
  std::optional<Milliseconds> unwatched_for(Instant now) const;
  // How long it has been written without a pause, as far as this was asked before.
  Milliseconds running_for(Instant now);
  // "queued", "running", "done", "interrupted".
  const char* state() const;

  engine::GenerationRequest take_request();
  void submitted(std::shared_ptr<const engine::TokenStream> stream);
  // Reads what the engine wrote and tells the watchers. Whoever calls it then looks at finished()
  // and hit_stop_string().
  void pull();
  const engine::FinishedEvent* finished() const { return stream_ ? stream_->finished() : nullptr; }
  bool hit_stop_string() const { return text_.stopped(); }
  // Requests ahead of it in the engine, or −1 when it is not waiting there.
  std::int32_t engine_position() const;
  // Tells the watchers when it is news to them.
  void tell_place(const QueuePlace& place);
  const QueuePlace& place() const { return told_; }  // as long as it waits
  ExpectedWork expected_work(const QueueForecast& forecast) const;

  // The last tokens go out; what is to be stored comes back. `event` may be null (never submitted,
  // or ended without waiting).
  const ReplyEnd& finish(EndReason reason, const engine::FinishedEvent* event);
  // The end is on disk, or could not be written: `done` to every watcher.
  void settled(bool stored, Instant now);
  void mark_stored() { is_stored_ = true; }  // after all
  std::optional<Milliseconds> ended_for(Instant now) const;

  // How many tokens the next submission may add, and what its first one is to be.
  void allow(std::int64_t num_tokens, std::optional<TokenId> token);
  void pause_soon() { is_pausing_ = true; }
  // The engine's end is that of a step and not of the reply.
  bool is_end_of_step(engine::FinishReason reason) const;
  void pause();
  bool is_stepped() const { return spec_.is_stepped; }

  // Its thoughts are to end. False: it has none, or has them behind it.
  bool answer_now();

  bool needs_checkpoint(Instant now, const ServiceLimits& limits) const;
  void checkpointed(Instant now);

 private:
  struct Watcher {
    std::shared_ptr<Connection> connection;
    std::size_t sent = 0;  // tokens
    bool only_end = false;
    bool owes_pause = false;         // `paused` waits until all text is sent
    std::vector<std::string> res{};  // of its chat.cancels: each is answered by a `done`
  };
  // Of a reply that is written on and has not begun to: what was there before.
  bool is_before_text() const { return text_.to() == 0 && !spec_.begun.empty(); }
  std::size_t shown_to() const { return is_before_text() ? spec_.begun.size() : text_.to(); }
  std::string shown_text() const;
  void send_state(Connection& connection) const;
  void send_text(Watcher& watcher) const;
  bool has_all(const Watcher& watcher) const;
  void tell_pause(Watcher& watcher) const;
  bool tell_end(Watcher& watcher) const;
  void publish();
  void tell_state();
  void note_start();

  Spec spec_;
  ReplyText text_;
  Phase phase_ = Phase::held;
  std::size_t num_given_ = 0;  // tokens of the stream that were there before it began
  std::int64_t step_tokens_ = 0;
  std::int64_t step_end_ = 0;  // where the engine is told to stop
  std::optional<TokenId> step_token_;
  bool is_pausing_ = false;
  bool has_started_ = false;
  bool is_stored_ = false;
  bool is_forgotten_ = false;
  std::int64_t prompt_tokens_ = 0;
  std::shared_ptr<const engine::TokenStream> stream_;
  // Of a stepped reply: what its prompt cost in the first step. Later ones find it in the cache.
  struct FirstStep {
    std::int64_t cached_tokens = 0;
    double queue_ms = 0.0;
    double prefill_ms = 0.0;
  };
  std::optional<FirstStep> first_step_;
  ReplyEnd end_;
  std::vector<Watcher> watchers_;
  Instant unwatched_since_;
  std::optional<Instant> running_since_;
  Instant ended_at_;
  QueuePlace told_;
  Instant checkpoint_at_;
  std::size_t checkpoint_to_ = 0;
};

// "done" or "interrupted": an ended reply's state on the wire.
const char* ended_state(const Message& reply);

}  // namespace hearth::server
