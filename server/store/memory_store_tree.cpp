// The memory store's second half: people's keys, what overwrites, hides and searches.
#include <algorithm>
#include <utility>

#include "server/store/memory_parts.h"
#include "server/store/row_values.h"
#include "server/store/words.h"

namespace hearth::server {

using namespace memory;

void MemoryStore::add_credential(UserId owner, Credential credential, Done<void> done) {
  if (!account(owner)) return answer<void>(std::move(done), not_found());
  const auto is_mine = [&](const auto& entry, CredentialKind kind) {
    return entry.second.owner == owner && entry.second.credential.kind == kind;
  };
  if (credential.kind == CredentialKind::recovery) {
    std::erase_if(credentials_,
                  [&](const auto& entry) { return is_mine(entry, CredentialKind::recovery); });
  }
  if (credential.kind == CredentialKind::cookie) drop_oldest_cookie(owner);
  const auto num_keys =
      std::count_if(credentials_.begin(), credentials_.end(),
                    [&](const auto& entry) { return is_mine(entry, CredentialKind::key); });
  if (credential.kind == CredentialKind::key && num_keys >= kKeysMax) {
    return answer<void>(
        std::move(done),
        fail(ErrorCode::quota_exceeded, "You have as many keys as there may be; remove one."));
  }
  credentials_[credential.hash] = {owner, credential};
  answer<void>(std::move(done), {});
}

// One more browser than there may be: the one that came first has to use the phrase again.
void MemoryStore::drop_oldest_cookie(const UserId& owner) {
  auto oldest = credentials_.end();
  int count = 0;
  for (auto one = credentials_.begin(); one != credentials_.end(); ++one) {
    const Credential& credential = one->second.credential;
    if (one->second.owner != owner || credential.kind != CredentialKind::cookie) continue;
    ++count;
    const bool is_older = oldest == credentials_.end() ||
                          credential.created_ms < oldest->second.credential.created_ms;
    if (is_older) oldest = one;
  }
  if (count >= kCookiesMax) credentials_.erase(oldest);
}

void MemoryStore::list_keys(UserId owner, Done<std::vector<Credential>> done) {
  std::vector<Credential> keys;
  for (const auto& [hash, known] : credentials_) {
    if (known.owner == owner && known.credential.kind == CredentialKind::key)
      keys.push_back(known.credential);
  }
  std::stable_sort(keys.begin(), keys.end(), [](const Credential& a, const Credential& b) {
    return a.created_ms < b.created_ms;
  });
  answer<std::vector<Credential>>(std::move(done), std::move(keys));
}

void MemoryStore::remove_credential(UserId owner, Sha256 hash, Done<void> done) {
  const auto found = credentials_.find(hash);
  const bool is_mine = found != credentials_.end() && found->second.owner == owner;
  if (is_mine) credentials_.erase(found);
  answer<void>(std::move(done), is_mine ? Result<void>() : not_found());
}

void MemoryStore::remove_access(UserId owner, Done<void> done) {
  const bool exists = accounts_.contains(owner);
  std::erase_if(credentials_, [&](const auto& entry) {
    return entry.second.owner == owner && entry.second.credential.kind != CredentialKind::recovery;
  });
  answer<void>(std::move(done), exists ? Result<void>() : not_found());
}

void MemoryStore::erase_user(UserId owner, Done<void> done) {
  std::erase_if(credentials_, [&](const auto& entry) { return entry.second.owner == owner; });
  const auto mine = accounts_.find(owner);
  const bool existed = mine != accounts_.end();
  if (existed) {
    const std::size_t freed = mine->second.bytes + mine->second.droppable_bytes + kAccountBytes;
    bytes_ -= std::min(bytes_, freed);
    accounts_.erase(mine);
  }
  answer<void>(std::move(done), existed ? Result<void>() : not_found());
}

void MemoryStore::reply_ids(UserId owner, MessageId id, Done<std::vector<TokenId>> done) {
  const Place found = place(owner, id);
  if (!found.message) return answer<std::vector<TokenId>>(std::move(done), not_found());
  const auto ids = found.thread->ids.find(id);
  answer<std::vector<TokenId>>(
      std::move(done), ids == found.thread->ids.end() ? std::vector<TokenId>{} : ids->second);
}

void MemoryStore::search(UserId owner, std::string text, std::string cursor, int limit,
                         Done<SearchPage> done) {
  const auto skip = parse_position_cursor(cursor);
  if (!skip) return answer<SearchPage>(std::move(done), tl::unexpected(skip.error()));
  const auto query = SearchQuery::parse(text);
  if (!query) return answer<SearchPage>(std::move(done), tl::unexpected(query.error()));
  std::vector<SearchHit> titles;
  std::vector<SearchHit> hits;
  if (Account* const mine = account(owner)) {
    for (const auto& [id, thread] : mine->threads) {
      if (thread.hidden_ms) continue;
      const Conversation& row = thread.conversation;
      if (query->matches(words_of(row.title)))
        titles.push_back({.conversation = row, .snippet = query->snippet(row.title)});
      for (const Message& message : thread.messages) {
        if (is_live(message) || !query->matches(words_of(message.content))) continue;
        hits.push_back({.conversation = row,
                        .message = message.id,
                        .role = message.role,
                        .created_ms = message.created_ms,
                        .snippet = query->snippet(message.content)});
      }
    }
  }
  hits.insert(hits.begin(), std::make_move_iterator(titles.begin()),
              std::make_move_iterator(titles.end()));
  SearchPage page;
  const std::size_t from = std::min(hits.size(), static_cast<std::size_t>(*skip));
  const std::size_t to = std::min(hits.size(), from + static_cast<std::size_t>(limit));
  for (std::size_t i = from; i < to; ++i) page.hits.push_back(std::move(hits[i]));
  if (to < hits.size()) page.next = std::to_string(to);
  answer<SearchPage>(std::move(done), std::move(page));
}

Result<MemoryStore::Thread*> MemoryStore::for_change(const UserId& owner,
                                                     const ConversationId& conversation,
                                                     std::optional<std::int64_t> revision) {
  Thread* const found = thread(owner, conversation);
  if (!found) return not_found();
  const std::int64_t present = found->conversation.revision;
  if (revision && *revision != present) {
    return fail(ErrorCode::conflict,
                "The conversation is at revision " + std::to_string(present) + ".");
  }
  return found;
}

void MemoryStore::update(UserId owner, ConversationId conversation, ConversationChange change,
                         Done<Conversation> done) {
  const auto found = for_change(owner, conversation, change.revision);
  if (!found) return answer<Conversation>(std::move(done), tl::unexpected(found.error()));
  Conversation& row = (*found)->conversation;
  row.title = change.title.value_or(row.title);
  row.pinned = change.pinned.value_or(row.pinned);
  row.system = change.system.value_or(row.system);
  row.params_json = change.params_json.value_or(row.params_json);
  ++row.revision;
  answer<Conversation>(std::move(done), row);
}

void MemoryStore::edit(UserId owner, ConversationId conversation, MessageId message,
                       std::string content, std::optional<std::int64_t> revision,
                       Done<std::int64_t> done) {
  const auto found = for_change(owner, conversation, revision);
  if (!found) return answer<std::int64_t>(std::move(done), tl::unexpected(found.error()));
  const Place place_of_it = place(owner, message);
  if (place_of_it.thread != *found) return answer<std::int64_t>(std::move(done), not_found());
  Message& row = *place_of_it.message;
  if (is_live(row)) {
    return answer<std::int64_t>(std::move(done),
                                fail(ErrorCode::conflict, "The message is still being written."));
  }
  charge(*account(owner), content.size(), row.content.size());
  row.content = std::move(content);
  row.edited = true;
  row.tokens = 0;
  row.status = MessageStatus::done;
  if (row.end) {
    row.end->reason = EndReason::stop;
    row.end->tokens = 0;
    row.end->error.clear();
  }
  (*found)->ids.erase(message);
  answer<std::int64_t>(std::move(done), ++(*found)->conversation.revision);
}

void MemoryStore::set_head(UserId owner, ConversationId conversation, MessageId head,
                           Done<void> done) {
  Thread* const found = thread(owner, conversation);
  if (!found || place(owner, head).thread != found)
    return answer<void>(std::move(done), not_found());
  found->conversation.head = head;
  answer<void>(std::move(done), {});
}

void MemoryStore::forget_requests(Account& mine, const Thread& thread) {
  const ConversationId id = thread.conversation.id;
  std::erase_if(mine.requests, [&](const auto& request) {
    const auto reply = mine.places.find(request.second.reply);
    return reply != mine.places.end() && reply->second.first == id;
  });
}

void MemoryStore::drop(Account& mine, std::map<ConversationId, Thread>::iterator dropped) {
  forget_requests(mine, dropped->second);
  std::size_t bytes = 0;
  std::size_t droppable = 0;
  for (const Message& message : dropped->second.messages) {
    bytes += size_of(message);
    mine.places.erase(message.id);
  }
  for (const auto& [message, trace] : dropped->second.traces) {
    for (const auto& [place, data] : trace) (place % 2 == 0 ? bytes : droppable) += data.size();
  }
  charge(mine, 0, bytes);
  charge_droppable(mine, 0, droppable);
  mine.threads.erase(dropped);
}

// What waits to be erased makes room for what is new.
void MemoryStore::drop_hidden(Account& mine) {
  for (auto at = mine.threads.begin(); at != mine.threads.end();) {
    const auto one = at++;
    if (one->second.hidden_ms) drop(mine, one);
  }
}

void MemoryStore::hide(Account& mine, Thread& thread, std::int64_t now_ms) {
  thread.hidden_ms = now_ms;
  forget_requests(mine, thread);
}

void MemoryStore::remove(UserId owner, ConversationId conversation, Hide now_ms, Done<void> done) {
  Account* const mine = account(owner);
  const auto found =
      mine ? mine->threads.find(conversation) : std::map<ConversationId, Thread>::iterator{};
  if (!mine || found == mine->threads.end() || (now_ms && found->second.hidden_ms))
    return answer<void>(std::move(done), not_found());
  if (now_ms) {
    hide(*mine, found->second, *now_ms);
  } else {
    drop(*mine, found);
  }
  answer<void>(std::move(done), {});
}

void MemoryStore::clear(UserId owner, Hide now_ms, Done<std::int64_t> done) {
  std::int64_t count = 0;
  if (Account* const mine = account(owner)) {
    for (auto at = mine->threads.begin(); at != mine->threads.end();) {
      const auto one = at++;
      if (now_ms && one->second.hidden_ms) continue;
      ++count;
      if (now_ms) {
        hide(*mine, one->second, *now_ms);
      } else {
        drop(*mine, one);
      }
    }
  }
  answer<std::int64_t>(std::move(done), count);
}

void MemoryStore::restore(UserId owner, std::optional<ConversationId> conversation,
                          std::int64_t hidden_since_ms, Done<std::vector<Conversation>> done) {
  std::vector<Conversation> restored;
  if (Account* const mine = account(owner)) {
    for (auto& [id, thread] : mine->threads) {
      if (!thread.hidden_ms || *thread.hidden_ms < hidden_since_ms) continue;
      if (conversation && *conversation != id) continue;
      thread.hidden_ms.reset();
      restored.push_back(thread.conversation);
    }
  }
  if (conversation && restored.empty())
    return answer<std::vector<Conversation>>(std::move(done), not_found());
  answer<std::vector<Conversation>>(std::move(done), std::move(restored));
}

Result<ImportedConversation> MemoryStore::import(Account& mine, ConversationImport import) {
  if (import.original) {
    const auto original = mine.threads.find(*import.original);
    if (original != mine.threads.end() && !original->second.hidden_ms)
      return ImportedConversation{.conversation = original->second.conversation};
  }
  std::size_t bytes = 0;
  std::erase_if(import.messages, [&](const Message& row) { return mine.places.contains(row.id); });
  for (const Message& row : import.messages) bytes += size_of(row);
  if (auto full = no_room(mine, bytes)) return tl::unexpected(std::move(*full));
  const auto [place, is_new] = mine.threads.try_emplace(import.conversation.id);
  Thread& thread = place->second;
  ImportedConversation imported{.added = static_cast<std::int64_t>(import.messages.size()),
                                .is_new = is_new || thread.hidden_ms};
  thread.hidden_ms.reset();
  if (is_new) {
    thread.conversation = std::move(import.conversation);
  } else if (imported.added > 0) {
    thread.conversation.head = import.conversation.head;
    thread.conversation.updated_ms =
        std::max(thread.conversation.updated_ms, import.conversation.updated_ms);
  }
  for (Message& row : import.messages) {
    if (row.end) row.status = status_after(row.end->reason);
    place_message(mine, thread, std::move(row));
  }
  charge(mine, bytes);
  imported.conversation = thread.conversation;
  return imported;
}

void MemoryStore::import_conversation(UserId owner, ConversationImport import_of_it,
                                      Done<ImportedConversation> done) {
  Account* const mine = account(owner);
  answer<ImportedConversation>(std::move(done), mine ? import(*mine, std::move(import_of_it))
                                                     : Result<ImportedConversation>(not_found()));
}

void MemoryStore::usage(UserId owner, Done<Usage> done) {
  const Account* const mine = account(owner);
  if (!mine) return answer<Usage>(std::move(done), not_found());
  Usage usage{.bytes = static_cast<std::int64_t>(mine->bytes),
              .quota_bytes = static_cast<std::int64_t>(bytes_per_user_)};
  for (const auto& [id, thread] : mine->threads) {
    if (thread.hidden_ms) continue;
    ++usage.conversations;
    usage.messages += static_cast<std::int64_t>(thread.messages.size());
  }
  for (const auto& [hash, known] : credentials_) {
    if (known.owner == owner && known.credential.kind == CredentialKind::recovery)
      usage.has_recovery = true;
  }
  answer<Usage>(std::move(done), usage);
}

void MemoryStore::purge(PurgeBefore before) {
  for (auto& [owner, mine] : accounts_) {
    std::erase_if(mine.requests, [&](const auto& request) {
      return request.second.created_ms < before.requests_ms;
    });
    for (auto at = mine.threads.begin(); at != mine.threads.end();) {
      const auto one = at++;
      const Thread& thread = one->second;
      const Conversation& row = thread.conversation;
      const bool is_erasable = thread.hidden_ms && *thread.hidden_ms < before.hidden_ms;
      const bool is_stale = !row.pinned && row.updated_ms < before.untouched_ms &&
                            std::none_of(thread.messages.begin(), thread.messages.end(), is_live);
      if (is_erasable || is_stale) drop(mine, one);
    }
  }
}

}  // namespace hearth::server
