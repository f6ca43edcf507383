#include "server/session/ended_replies.h"

#include <algorithm>
#include <utility>

#include "server/session/events.h"

namespace hearth::server {
namespace {

constexpr std::size_t kAnswersMax = 16;  // who asks oftener is answered at once

// What a connection is given of a reply that is only in the history: text and end, and the end
// once more for each further chat.cancel.
void send_ended(Connection& connection, const Message& reply, const std::vector<std::string>& res) {
  const ReplyEnd end = reply.end.value_or(ReplyEnd{});
  connection.send_of(reply.id,
                     snapshot_event(reply.id, reply.tokens, reply.content, ended_state(reply)));
  if (res.empty()) connection.send_of(reply.id, done_event(reply.id, end, true));
  for (const std::string& re : res)
    connection.send_of(reply.id, done_event(reply.id, end, true, re));
}

}  // namespace

bool EndedReplies::answer_at_end(const std::shared_ptr<Connection>& connection,
                                 const MessageId& reply, const std::string& re) {
  for (const auto& reader : readers_) {
    if (reader->connection.lock() != connection) continue;
    for (Wanted& wanted : reader->left) {
      if (wanted.id != reply || wanted.res.size() == kAnswersMax) continue;
      wanted.res.push_back(re);
      return true;
    }
  }
  return false;
}

void EndedReplies::send(const std::shared_ptr<Connection>& connection, const UserId& owner,
                        const MessageId& reply) {
  const auto known =
      std::find_if(readers_.begin(), readers_.end(), [&](const std::shared_ptr<Reader>& reader) {
        return reader->connection.lock() == connection && reader->owner == owner;
      });
  if (known != readers_.end()) {
    auto& left = (*known)->left;
    // Asked for twice before it came: what comes answers both.
    const bool is_coming = std::any_of(left.begin(), left.end(),
                                       [&](const Wanted& wanted) { return wanted.id == reply; });
    if (!is_coming) left.push_back({reply});
    return go_on(*known);
  }
  auto reader = std::make_shared<Reader>(Reader{connection, owner, {{reply}}, false});
  readers_.push_back(reader);
  go_on(reader);
}

void EndedReplies::on_tick() {
  for (const auto& reader : std::vector(readers_)) go_on(reader);
}

void EndedReplies::go_on(const std::shared_ptr<Reader>& reader) {
  const auto connection = reader->connection.lock();
  if (reader->is_asking) return;
  if (!connection || !connection->is_open() || reader->left.empty()) {
    std::erase(readers_, reader);
    return;
  }
  if (!connection->is_caught_up()) return;
  reader->is_asking = true;
  store_.find_message(reader->owner, reader->left.front().id,
                      lifetime_.guard([this, reader](const Result<FoundMessage>& found) {
                        answered(reader, found);
                      }));
}

void EndedReplies::answered(const std::shared_ptr<Reader>& reader,
                            const Result<FoundMessage>& found) {
  reader->is_asking = false;
  const auto connection = reader->connection.lock();
  // Others have filled the outbox since: it is read again when there is room.
  if (connection && connection->is_open() && !connection->is_caught_up()) return;
  const Wanted wanted = std::move(reader->left.front());
  reader->left.pop_front();
  if (connection) {
    if (Reply* const reply = replies_.find(reader->owner, wanted.id)) {
      reply->watch(connection, 0);
      for (const std::string& re : wanted.res) reply->watch_end(connection, re);
    } else if (found && found->message.role == Role::assistant && found->message.end) {
      send_ended(*connection, found->message, wanted.res);
    } else {
      for (const std::string& re : wanted.res)
        connection->send_error(
            re, {.code = ErrorCode::not_found, .detail = "There is no such id here."});
    }
  }
  go_on(reader);
}

}  // namespace hearth::server
