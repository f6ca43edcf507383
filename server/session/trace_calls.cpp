#include "server/session/trace_calls.h"

#include <algorithm>
#include <utility>

#include "engine/text/tokenizer.h"
#include "server/session/prompt_history.h"
#include "server/session/trace_codec.h"

namespace hearth::server {
namespace {

tl::unexpected<Error> not_found() {
  return fail(ErrorCode::not_found, "There is no such id here.");
}

const std::string* find(const std::vector<TraceBlob>& blobs, std::int64_t place) {
  const auto found = std::ranges::find(blobs, place, &TraceBlob::place);
  return found == blobs.end() ? nullptr : &found->data;
}

std::size_t num_chunks(std::size_t num_tokens) {
  return (num_tokens + kTraceChunkTokens - 1) / kTraceChunkTokens;
}

// The tokens of every chunk (they are small, and how far they reach is asked for), the candidates
// of those that the range touches.
std::vector<std::int64_t> places_of(std::size_t num_tokens, const TraceRange& range) {
  std::vector<std::int64_t> places{TracePlace::kHead};
  for (std::size_t chunk = 0; chunk < num_chunks(num_tokens); ++chunk) {
    places.push_back(TracePlace::tokens(chunk));
    const std::size_t begin = chunk * kTraceChunkTokens;
    if (begin < range.to && begin + kTraceChunkTokens > range.from)
      places.push_back(TracePlace::candidates(chunk));
  }
  return places;
}

bool has_candidates(const TracedToken& token) { return token.candidates != nullptr; }

Result<std::vector<TracedToken>> all_tokens(const std::vector<TraceBlob>& blobs) {
  std::vector<TracedToken> all;
  for (std::size_t chunk = 0;; ++chunk) {
    const std::string* const data = find(blobs, TracePlace::tokens(chunk));
    if (!data) return all;
    auto tokens = decode_tokens(*data);
    if (!tokens) return tl::unexpected(tokens.error());
    if (const std::string* const more = find(blobs, TracePlace::candidates(chunk))) {
      if (auto decoded = decode_candidates(*more, *tokens); !decoded)
        return tl::unexpected(decoded.error());
    }
    std::ranges::move(*tokens, std::back_inserter(all));
    if (tokens->size() < kTraceChunkTokens) return all;
  }
}

}  // namespace

Result<void> unpack(TracePage& page) {
  if (!page.is_packed) return {};
  if (const std::string* const data = find(page.blobs, TracePlace::kHead)) {
    auto head = decode_head(*data);
    if (!head) return tl::unexpected(head.error());
    page.head = std::move(*head);
  }
  auto all = all_tokens(page.blobs);
  if (!all) return tl::unexpected(all.error());
  page.blobs.clear();
  page.is_packed = false;
  page.num_traced = std::min(all->size(), static_cast<std::size_t>(page.reply.tokens));
  page.range.to = std::min(page.range.to, page.num_traced);
  page.range.from = std::min(page.range.from, page.range.to);
  const auto begin = std::make_move_iterator(all->begin());
  page.tokens.assign(begin + static_cast<std::ptrdiff_t>(page.range.from),
                     begin + static_cast<std::ptrdiff_t>(page.range.to));
  page.has_candidates = std::ranges::any_of(page.tokens, has_candidates);
  return {};
}

bool is_token(const engine::Tokenizer& tokenizer, TokenId id) {
  return id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocab_size() &&
         tokenizer.id_to_token(id).has_value();
}

TraceCalls::TraceCalls(HistoryStore& store, Replies& replies, TextPort& text,
                       const ModelStatus& model)
    : store_(store), replies_(replies), text_(text), model_(model) {}

void TraceCalls::tokens(const UserId& owner, const MessageId& reply, TraceRange range,
                        Done<TracePage> done) {
  // The store is asked first even while the reply is in memory: what was deleted is gone for the
  // inspector too.
  store_.find_message(owner, reply,
                      lifetime_.guard([this, owner, range, done](Result<FoundMessage> found) {
                        if (!found) return done(tl::unexpected(found.error()));
                        if (found->message.role != Role::assistant) return done(not_found());
                        load_page(owner, std::move(*found), range, done);
                      }));
}

void TraceCalls::load_page(const UserId& owner, FoundMessage found, TraceRange range,
                           Done<TracePage> done) {
  TracePage page{.conversation = found.conversation, .reply = std::move(found.message)};
  if (const Reply* const reply = replies_.find(owner, page.reply.id); reply && reply->trace()) {
    page.reply = reply->message();
    page.state = reply->state();
    page.num_traced = reply->text().to();
    page.range = {std::min(range.from, page.num_traced), std::min(range.to, page.num_traced)};
    page.head = reply->trace()->head();
    page.tokens =
        reply->trace()->slice(reply->stream(), reply->text(), page.range.from, page.range.to);
    page.has_candidates = std::ranges::any_of(page.tokens, has_candidates);
    page.reply.content.clear();
    return done(std::move(page));
  }
  page.state = ended_state(page.reply);
  page.reply.content.clear();
  if (!store_.traces()) return done(std::move(page));
  page.is_packed = true;
  const auto num_tokens = static_cast<std::size_t>(std::max<std::int64_t>(0, page.reply.tokens));
  page.range = {range.from, std::min(range.to, num_tokens)};
  auto shared = std::make_shared<TracePage>(std::move(page));
  store_.traces()->load_trace(owner, shared->reply.id, places_of(num_tokens, shared->range),
                              lifetime_.guard([shared, done](Result<std::vector<TraceBlob>> blobs) {
                                if (!blobs) return done(tl::unexpected(blobs.error()));
                                shared->blobs = std::move(*blobs);
                                done(std::move(*shared));
                              }));
}

void TraceCalls::given(const UserId& owner, const MessageId& parent, const BranchWish& wish,
                       Done<std::vector<TracedToken>> done) {
  if (replies_.is_unfinished(owner, wish.message)) {
    return done(fail(ErrorCode::conflict, "The reply to branch from is still being written."));
  }
  tokens(owner, wish.message, {0, wish.at}, [parent, wish, done](Result<TracePage> page) {
    if (!page) return done(tl::unexpected(page.error()));
    if (page->reply.parent != parent) return done(not_found());
    if (auto unpacked = unpack(*page); !unpacked) return done(tl::unexpected(unpacked.error()));
    if (page->num_traced == 0) return done(not_found());
    if (wish.at >= page->num_traced) {
      return done(fail(ErrorCode::invalid_parameter,
                       "That reply has " + std::to_string(page->num_traced) + " tokens here."));
    }
    done(std::move(page->tokens));
  });
}

void TraceCalls::prompt(const UserId& owner, const MessageId& reply, Done<TracedPrompt> done) {
  store_.find_message(
      owner, reply, lifetime_.guard([this, owner, done](Result<FoundMessage> found) {
        if (!found) return done(tl::unexpected(found.error()));
        if (found->message.role != Role::assistant) return done(not_found());
        found->message.content.clear();
        const Reply* const live = replies_.find(owner, found->message.id);
        if (live && live->trace() && !live->trace()->prompt_ids().empty()) {
          TracedPrompt prompt{.reply = found->message, .ids = live->trace()->prompt_ids()};
          return done(std::move(prompt));
        }
        if (!store_.traces()) return rebuild(owner, *found, done);
        store_.traces()->load_trace(
            owner, found->message.id, {TracePlace::kPrompt},
            lifetime_.guard(
                [this, owner, found = *found, done](const Result<std::vector<TraceBlob>>& blobs) {
                  if (!blobs) return done(tl::unexpected(blobs.error()));
                  if (blobs->empty()) return rebuild(owner, found, done);
                  auto ids = decode_ids(blobs->front().data);
                  if (!ids) return done(tl::unexpected(ids.error()));
                  TracedPrompt prompt{.reply = found.message, .ids = std::move(*ids)};
                  if (found.message.end) prompt.cached_tokens = found.message.end->cached_tokens;
                  done(std::move(prompt));
                }));
      }));
}

void TraceCalls::rebuild(const UserId& owner, const FoundMessage& found, Done<TracedPrompt> done) {
  if (model_.state != ModelState::ready) {
    return done(fail(ErrorCode::model_loading, "The model is loading."));
  }
  if (num_rebuilding_ >= kRebuildsMax) {
    return done(fail(ErrorCode::busy, "Too many prompts are being rebuilt; ask again."));
  }
  ++num_rebuilding_;
  const Message& reply = found.message;
  ParentRef parent{ParentRef::Kind::message, reply.parent.value_or(MessageId{})};
  store_.load_path(
      owner, found.conversation, parent, history_bytes_max(model_.info->context_length),
      lifetime_.guard([this, reply, done](Result<ConversationPath> path) {
        if (!path) {
          --num_rebuilding_;
          return done(tl::unexpected(path.error()));
        }
        take_left_out(*path);
        PromptJob job{.model = model_.info, .system = path->conversation.system};
        for (const Message& past : path->messages) {
          if (std::ranges::find(reply.dropped, past.id) != reply.dropped.end()) continue;
          job.turns.push_back({past.id, past.role, past.content});
        }
        text_.build(std::move(job),
                    lifetime_.guard([this, reply, done](tl::expected<Prompt, PromptError> built) {
                      --num_rebuilding_;
                      if (!built) return done(tl::unexpected(built.error().error));
                      TracedPrompt prompt{
                          .reply = reply, .ids = std::move(built->ids), .is_rebuilt = true};
                      if (reply.end) prompt.cached_tokens = reply.end->cached_tokens;
                      done(std::move(prompt));
                    }));
      }));
}

}  // namespace hearth::server
