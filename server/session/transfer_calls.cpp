#include "server/session/transfer_calls.h"

#include <utility>

#include "server/session/events.h"

namespace hearth::server {
namespace {

constexpr int kConversationsAtOnce = 100;
constexpr std::size_t kPageBytes = 192 * 1024;

}  // namespace

TransferCalls::TransferCalls(HistoryStore& store, Replies& replies, TextPort& text,
                             Announce announce, const ServiceLimits& limits)
    : store_(store),
      replies_(replies),
      text_(text),
      announce_(std::move(announce)),
      limits_(limits) {}

void TransferCalls::list(const UserId& owner, std::string cursor, Done<ConversationPage> done) {
  store_.list(owner, std::move(cursor), kConversationsAtOnce, std::move(done));
}

void TransferCalls::load(const UserId& owner, const ConversationId& conversation,
                         std::string cursor, Done<MessagePage> done) {
  store_.load(owner, conversation, std::move(cursor), kPageBytes,
              lifetime_.guard([this, owner, done = std::move(done)](Result<MessagePage> page) {
                if (page) {
                  for (Message& row : page->messages) {
                    if (const Reply* const reply = replies_.find(owner, row.id))
                      row = reply->message();
                  }
                }
                done(std::move(page));
              }));
}

void TransferCalls::path(const UserId& owner, const ConversationId& conversation,
                         Done<ConversationPath> done) {
  constexpr std::size_t kTextBytesMax = 8 * 1024 * 1024;
  store_.load_path(owner, conversation, ParentRef{}, kTextBytesMax, std::move(done));
}

Result<std::shared_ptr<TransferCalls::Place>> TransferCalls::enter(const User& user) {
  if (!user.has_row || user.scope != Scope::owner) {
    return fail(ErrorCode::forbidden,
                "Only the identity's own browser may bring in conversations.");
  }
  if (importing_->contains(user.id))
    return fail(ErrorCode::busy, "Another file of yours is being read; wait for it to end.");
  if (static_cast<int>(importing_->size()) >= limits_.imports_total)
    return fail(ErrorCode::busy, "As many files are being read as can be; try again.");
  return std::make_shared<Place>(importing_, user.id);
}

void TransferCalls::read(const std::shared_ptr<Place>& place, std::function<void()> work,
                         std::function<void()> done) {
  text_.perform(std::move(work), [place, done = std::move(done)] { done(); });
}

void TransferCalls::import(const UserId& owner, ConversationImport conversation,
                           Done<ImportedConversation> done) {
  store_.import_conversation(owner, std::move(conversation), std::move(done));
}

void TransferCalls::announce(const UserId& owner) {
  announce_(owner, nullptr, changed_event(std::nullopt, "restored"));
}

}  // namespace hearth::server
