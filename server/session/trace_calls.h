// The inspector's questions about a reply: its tokens, its prompt, and the tokens that a branch
// takes over. Each is one or two questions to the store, laid over what is being written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/model_info.h"
#include "server/session/replies.h"
#include "server/session/text_port.h"
#include "server/session/trace.h"

namespace hearth::server {

struct TraceRange {
  std::size_t from = 0;
  std::size_t to = 0;
};

// What is known of a reply's tokens. Of a reply that is being written `tokens` are there; of others
// the blobs, which unpack() reads (not on the service's thread: it takes a while).
struct TracePage {
  ConversationId conversation{};
  Message reply{};  // without its text
  std::string state{};
  TraceHead head{};
  TraceRange range{};                 // as asked, cut to what there is
  std::size_t num_traced = 0;         // leading tokens that are known
  bool has_candidates = false;        // of the range
  std::vector<TracedToken> tokens{};  // of the range
  bool is_packed = false;             // it is all in the blobs
  std::vector<TraceBlob> blobs{};
};

// Of a packed page: fills in head, num_traced, range, tokens and has_candidates from the blobs.
// Errors: io_error.
Result<void> unpack(TracePage& page);

struct TracedPrompt {
  Message reply{};  // without its text
  std::vector<TokenId> ids{};
  bool is_rebuilt = false;  // from the conversation as it is now
  std::optional<std::int64_t> cached_tokens{};
};

// An id that a branch or a step may force.
bool is_token(const engine::Tokenizer& tokenizer, TokenId id);

// On the service's thread. Errors of all: not_found (also for what is another's), and the store's.
class TraceCalls {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  static constexpr int kRebuildsMax = 8;  // at once; more are `busy`

  TraceCalls(HistoryStore& store, Replies& replies, TextPort& text, const ModelStatus& model);

  void tokens(const UserId& owner, const MessageId& reply, TraceRange range, Done<TracePage> done);

  // Further errors: busy; those of build_prompt.
  void prompt(const UserId& owner, const MessageId& reply, Done<TracedPrompt> done);

  // The tokens that a branch takes over.
  // Further errors: conflict (it is being written), invalid_parameter (it has no such token).
  // parent: of the new reply and so of the other one.
  void given(const UserId& owner, const MessageId& parent, const BranchWish& wish,
             Done<std::vector<TracedToken>> done);

 private:
  void rebuild(const UserId& owner, const FoundMessage& found, Done<TracedPrompt> done);
  void load_page(const UserId& owner, FoundMessage found, TraceRange range, Done<TracePage> done);

  HistoryStore& store_;
  Replies& replies_;
  TextPort& text_;
  const ModelStatus& model_;
  int num_rebuilding_ = 0;
  Lifetime lifetime_;
};

}  // namespace hearth::server
