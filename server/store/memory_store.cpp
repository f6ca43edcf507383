#include "server/store/memory_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/store/cursor.h"
#include "server/store/memory_parts.h"
#include "server/store/row_values.h"

namespace hearth::server {

using namespace memory;

MemoryStore::MemoryStore(Post post, std::size_t bytes_per_user, std::size_t trace_bytes_per_user,
                         std::size_t bytes_total)
    : post_(std::move(post)),
      bytes_per_user_(bytes_per_user),
      trace_bytes_per_user_(trace_bytes_per_user),
      bytes_total_(bytes_total) {}

std::optional<Error> MemoryStore::no_room(const Account& account, std::size_t more) const {
  if (account.bytes + more > bytes_per_user_) {
    return Error{ErrorCode::quota_exceeded,
                 "Your conversations fill the space this server gives; delete some."};
  }
  if (bytes_ + more > bytes_total_) {
    return Error{ErrorCode::quota_exceeded,
                 "Everybody's conversations fill the memory of this server; delete some."};
  }
  return std::nullopt;
}

void MemoryStore::charge(Account& account, std::size_t added, std::size_t removed) {
  account.bytes += added;
  account.bytes -= std::min(account.bytes, removed);
  bytes_ += added;
  bytes_ -= std::min(bytes_, removed);
}

void MemoryStore::charge_droppable(Account& account, std::size_t added, std::size_t removed) {
  account.droppable_bytes += added;
  account.droppable_bytes -= std::min(account.droppable_bytes, removed);
  bytes_ += added;
  bytes_ -= std::min(bytes_, removed);
}

void MemoryStore::place_message(Account& account, Thread& thread, Message message) {
  account.places[message.id] = {thread.conversation.id, thread.messages.size()};
  thread.messages.push_back(std::move(message));
}

MemoryStore::Account* MemoryStore::account(const UserId& owner) {
  const auto found = accounts_.find(owner);
  return found == accounts_.end() ? nullptr : &found->second;
}

MemoryStore::Thread* MemoryStore::thread(const UserId& owner, const ConversationId& conversation) {
  Account* const mine = account(owner);
  if (!mine) return nullptr;
  const auto found = mine->threads.find(conversation);
  return found == mine->threads.end() || found->second.hidden_ms ? nullptr : &found->second;
}

MemoryStore::Place MemoryStore::place(const UserId& owner, const MessageId& id) {
  Account* const mine = account(owner);
  if (!mine) return {};
  const auto found = mine->places.find(id);
  if (found == mine->places.end()) return {};
  Thread& thread = mine->threads.at(found->second.first);
  return {&thread, &thread.messages[found->second.second]};
}

void MemoryStore::create_user(User user, std::optional<Sha256> credential, std::int64_t now_ms,
                              Done<void> done) {
  const UserId id = user.id;
  if (!account(id)) {
    if (bytes_ + kAccountBytes > bytes_total_) {
      return answer<void>(std::move(done),
                          fail(ErrorCode::quota_exceeded, "The memory of this server is full."));
    }
    accounts_[id].user = std::move(user);
    bytes_ += kAccountBytes;
  }
  if (credential) credentials_[*credential] = {id, {.hash = *credential, .created_ms = now_ms}};
  answer<void>(std::move(done), {});
}

void MemoryStore::find_user(Sha256 credential, std::int64_t now_ms,
                            Done<std::optional<User>> done) {
  const auto found = credentials_.find(credential);
  std::optional<User> user;
  if (found != credentials_.end()) {
    const Credential& known = found->second.credential;
    if (known.expires_ms.value_or(INT64_MAX) > now_ms) {
      user = accounts_.at(found->second.owner).user;
      user->credential = credential;
      user->expires_ms = known.expires_ms;
      if (known.kind == CredentialKind::key) user->scope = key_scope_of(known.scopes);
    }
  }
  answer<std::optional<User>>(std::move(done), std::move(user));
}

void MemoryStore::rename_user(UserId owner, std::string name, Done<void> done) {
  Account* const mine = account(owner);
  if (mine) mine->user.name = std::move(name);
  answer<void>(std::move(done), mine ? Result<void>() : not_found());
}

void MemoryStore::find_request(UserId owner, std::string client_id,
                               Done<std::optional<KnownRequest>> done) {
  std::optional<KnownRequest> known;
  Account* const mine = account(owner);
  const auto request =
      mine ? mine->requests.find(client_id) : std::map<std::string, Request>::iterator{};
  if (mine && request != mine->requests.end()) {
    if (const Place reply = place(owner, request->second.reply); reply.message) {
      known =
          KnownRequest{request->second.body_hash, reply.thread->conversation, *reply.message, {}};
      const Place question = place(owner, reply.message->parent.value_or(MessageId{}));
      if (question.message) known->grandparent = question.message->parent;
    }
  }
  answer<std::optional<KnownRequest>>(std::move(done), std::move(known));
}

Result<ConversationPath> MemoryStore::path(const UserId& owner, const ConversationId& conversation,
                                           const ParentRef& parent, std::size_t text_bytes_max) {
  const Thread* const found = thread(owner, conversation);
  if (!found) return not_found();
  ConversationPath result{.conversation = found->conversation};
  std::optional<MessageId> next;
  if (parent.kind == ParentRef::Kind::head) next = found->conversation.head;
  if (parent.kind == ParentRef::Kind::message) next = parent.message;
  std::size_t bytes = 0;
  while (next) {
    const Place step = place(owner, *next);
    if (step.thread != found) return not_found();
    const Message& row = *step.message;
    if (result.messages.size() < kPathTextsMin || bytes <= text_bytes_max) {
      result.messages.push_back(row);
    } else {
      result.messages.push_back({.id = row.id, .parent = row.parent, .role = row.role});
      ++result.num_left_out;
    }
    bytes += row.content.size();
    next = row.parent;
  }
  std::reverse(result.messages.begin(), result.messages.end());
  return result;
}

void MemoryStore::load_path(UserId owner, ConversationId conversation, ParentRef parent,
                            std::size_t text_bytes_max, Done<ConversationPath> done) {
  answer<ConversationPath>(std::move(done), path(owner, conversation, parent, text_bytes_max));
}

Result<void> MemoryStore::add_turn(NewTurn turn) {
  Account* const mine = account(turn.owner);
  if (!mine) return not_found();
  if (mine->requests.contains(turn.client_id))
    return fail(ErrorCode::conflict, "This id was used a moment ago.");
  std::size_t bytes = size_of(turn.reply);
  if (turn.user_message) bytes += size_of(*turn.user_message);
  if (no_room(*mine, bytes)) drop_hidden(*mine);
  if (auto full = no_room(*mine, bytes)) return tl::unexpected(std::move(*full));
  const auto& parent = turn.user_message ? turn.user_message->parent : turn.reply.parent;
  if (turn.new_conversation) {
    mine->threads[turn.conversation].conversation = *turn.new_conversation;
  } else if (Thread* const found = thread(turn.owner, turn.conversation); !found) {
    return not_found();
  } else if (parent && place(turn.owner, *parent).thread != found) {
    return not_found();
  }
  Thread& into = mine->threads.at(turn.conversation);
  if (turn.continues) {
    if (auto reopened = reopen(into, turn.reply); !reopened) return reopened;
    bytes = 0;
  }
  into.conversation.head = turn.reply.id;
  into.conversation.updated_ms = turn.now_ms;
  if (turn.system) into.conversation.system = *turn.system;
  if (turn.params_json) into.conversation.params_json = *turn.params_json;
  mine->requests[turn.client_id] = {turn.body_hash, turn.reply.id, turn.now_ms};
  if (turn.user_message) place_message(*mine, into, std::move(*turn.user_message));
  if (!turn.continues) place_message(*mine, into, std::move(turn.reply));
  charge(*mine, bytes);
  return {};
}

Result<void> MemoryStore::reopen(Thread& thread, Message reply) {
  const auto row = std::find_if(thread.messages.begin(), thread.messages.end(),
                                [&](const Message& one) { return one.id == reply.id; });
  if (row == thread.messages.end()) return not_found();
  if (is_live(*row)) return fail(ErrorCode::conflict, "The reply is still being written.");
  row->status = MessageStatus::queued;
  row->end.reset();
  row->params_json = std::move(reply.params_json);
  row->model = std::move(reply.model);
  row->fingerprint = std::move(reply.fingerprint);
  row->dropped = std::move(reply.dropped);
  return {};
}

void MemoryStore::begin_turn(NewTurn turn, Done<void> done) {
  answer<void>(std::move(done), add_turn(std::move(turn)));
}

void MemoryStore::checkpoint(UserId owner, MessageId reply, ReplySoFar so_far) {
  const Place found = place(owner, reply);
  if (!found.message || !is_live(*found.message)) return;
  charge(*account(owner), so_far.text.size(), found.message->content.size());
  found.message->content = std::move(so_far.text);
  found.message->tokens = static_cast<std::int64_t>(so_far.ids.size());
  found.message->status = MessageStatus::streaming;
  found.thread->ids[reply] = std::move(so_far.ids);
}

void MemoryStore::finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) {
  const Place found = place(owner, reply);
  if (found.message) {
    charge(*account(owner), end.text.size(), found.message->content.size());
    found.message->content = std::exchange(end.text, {});
    found.message->tokens = end.tokens;
    found.message->status = status_after(end.reason);
    found.thread->ids[reply] = std::exchange(end.ids, {});
    found.message->end = std::move(end);
  }
  answer<void>(std::move(done), found.message ? Result<void>() : not_found());
}

void MemoryStore::find_message(UserId owner, MessageId id, Done<FoundMessage> done) {
  const Place found = place(owner, id);
  if (!found.message || found.thread->hidden_ms) {
    answer<FoundMessage>(std::move(done), not_found());
  } else {
    answer<FoundMessage>(std::move(done),
                         FoundMessage{found.thread->conversation.id, *found.message});
  }
}

void MemoryStore::list(UserId owner, std::string cursor, int limit, Done<ConversationPage> done) {
  const auto from = parse_list_cursor(cursor);
  if (!from) {
    answer<ConversationPage>(std::move(done), tl::unexpected(from.error()));
    return;
  }
  const auto key = [](const Conversation& row) {
    return std::tuple(row.pinned, row.updated_ms, row.id);
  };
  ConversationPage page;
  if (Account* const mine = account(owner)) {
    for (const auto& [id, thread] : mine->threads) {
      if (!thread.hidden_ms &&
          key(thread.conversation) < std::tuple(from->pinned, from->updated_ms, from->id))
        page.conversations.push_back(thread.conversation);
    }
  }
  std::sort(page.conversations.begin(), page.conversations.end(),
            [&](const Conversation& a, const Conversation& b) { return key(a) > key(b); });
  if (page.conversations.size() > static_cast<std::size_t>(limit)) {
    page.conversations.resize(static_cast<std::size_t>(limit));
    const Conversation& last = page.conversations.back();
    page.next = to_string(ListCursor{last.pinned, last.updated_ms, last.id});
  }
  answer<ConversationPage>(std::move(done), std::move(page));
}

void MemoryStore::load(UserId owner, ConversationId conversation, std::string cursor,
                       std::size_t bytes_max, Done<MessagePage> done) {
  const auto after = parse_position_cursor(cursor);
  const Thread* const found = thread(owner, conversation);
  if (!after) {
    answer<MessagePage>(std::move(done), tl::unexpected(after.error()));
    return;
  }
  if (!found) {
    answer<MessagePage>(std::move(done), not_found());
    return;
  }
  MessagePage page{found->conversation, {}, {}};
  std::size_t bytes = 0;
  for (auto i = static_cast<std::size_t>(*after); i < found->messages.size(); ++i) {
    bytes += size_of(found->messages[i]);
    if (!page.messages.empty() && bytes > bytes_max) {
      page.next = std::to_string(i);
      break;
    }
    page.messages.push_back(found->messages[i]);
  }
  answer<MessagePage>(std::move(done), std::move(page));
}

}  // namespace hearth::server
