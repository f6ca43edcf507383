#include "server/session/ended_replies.h"

#include <algorithm>
#include <utility>

namespace hearth::server {

void EndedReplies::send(const std::shared_ptr<Connection>& connection, const UserId& owner,
                        const MessageId& reply) {
  const auto known =
      std::find_if(readers_.begin(), readers_.end(), [&](const std::shared_ptr<Reader>& reader) {
        return reader->connection.lock() == connection && reader->owner == owner;
      });
  if (known != readers_.end()) {
    auto& left = (*known)->left;
    // Asked for twice before it came: what comes answers both.
    if (std::find(left.begin(), left.end(), reply) == left.end()) left.push_back(reply);
    return go_on(*known);
  }
  auto reader = std::make_shared<Reader>(Reader{connection, owner, {reply}, false});
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
  store_.find_message(reader->owner, reader->left.front(),
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
  const MessageId id = reader->left.front();
  reader->left.pop_front();
  if (connection) {
    if (Reply* const reply = replies_.find(reader->owner, id)) {
      reply->watch(connection, 0);
    } else if (found && found->message.role == Role::assistant && found->message.end) {
      send_ended(*connection, found->message);
    }
  }
  go_on(reader);
}

}  // namespace hearth::server
