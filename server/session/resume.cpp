#include "server/session/resume.h"

#include <optional>
#include <utility>
#include <vector>

namespace hearth::server {

struct Resumer::Visit {
  std::weak_ptr<Connection> connection;
  UserId owner;
  Resume wish;
  std::vector<char> in_memory;   // one for each stream asked for; when it was looked for
  std::vector<char> in_history;  // the same, as the store said
  std::size_t num_open = 0;      // questions to the store
  std::optional<Error> failure;
  std::function<void(const Resumed&)> welcome;
  std::function<void(const Error&)> failed;
};

Resumer::Resumer(HistoryStore& store, Replies& replies, EndedReplies& ended)
    : store_(store), replies_(replies), ended_(ended) {}

void Resumer::resume(const std::shared_ptr<Connection>& connection, const UserId& owner,
                     Resume wish, std::function<void(const Resumed&)> welcome,
                     std::function<void(const Error&)> failed) {
  auto visit = std::make_shared<Visit>();
  visit->connection = connection;
  visit->owner = owner;
  visit->wish = std::move(wish);
  visit->in_memory.resize(visit->wish.streams.size(), 1);
  visit->in_history.resize(visit->wish.streams.size());
  visit->welcome = std::move(welcome);
  visit->failed = std::move(failed);
  visit->num_open = 1;
  answered(visit);
}

// The streams that are not in memory, or no longer: they went to the history, or were deleted.
// True: the store has yet to answer.
bool Resumer::look_up(const std::shared_ptr<Visit>& visit) {
  visit->num_open = 1;
  for (std::size_t i = 0; i < visit->wish.streams.size(); ++i) {
    if (!visit->in_memory[i] || replies_.find(visit->owner, visit->wish.streams[i].id)) continue;
    visit->in_memory[i] = 0;
    ask_store(visit, i);
  }
  return --visit->num_open > 0;
}

void Resumer::ask_store(const std::shared_ptr<Visit>& visit, std::size_t index) {
  ++visit->num_open;
  store_.find_message(visit->owner, visit->wish.streams[index].id,
                      lifetime_.guard([this, visit, index](const Result<FoundMessage>& found) {
                        if (found && found->message.role == Role::assistant && found->message.end) {
                          visit->in_history[index] = 1;
                        } else if (!found && found.error().code != ErrorCode::not_found) {
                          visit->failure = found.error();
                        }
                        answered(visit);
                      }));
}

void Resumer::answered(const std::shared_ptr<Visit>& visit) {
  if (--visit->num_open > 0) return;
  const auto connection = visit->connection.lock();
  if (!connection || !connection->is_open()) return;
  if (look_up(visit)) return;
  if (visit->failure) {
    visit->failed(*visit->failure);
    return;
  }
  visit->welcome(judge(*visit));
  if (connection->is_ready()) replay(*visit, connection);
}

// Asked after the store has answered: what ended meanwhile is still in memory for two minutes.
Resumed Resumer::judge(const Visit& visit) {
  Resumed result;
  for (std::size_t i = 0; i < visit.wish.streams.size(); ++i) {
    const Resume::Stream& stream = visit.wish.streams[i];
    const Reply* const reply = replies_.find(visit.owner, stream.id);
    if (!reply && !visit.in_history[i]) {
      result.unknown.push_back(stream.id);
    } else if (!reply || !reply->can_go_on_from(stream.have)) {
      result.kind = Resumed::Kind::snapshot;
    } else if (result.kind == Resumed::Kind::none) {
      result.kind = Resumed::Kind::full;
    }
  }
  return result;
}

void Resumer::replay(const Visit& visit, const std::shared_ptr<Connection>& connection) {
  for (std::size_t i = 0; i < visit.wish.streams.size(); ++i) {
    const Resume::Stream& stream = visit.wish.streams[i];
    if (Reply* const reply = replies_.find(visit.owner, stream.id)) {
      reply->watch(connection, stream.have);
    } else if (visit.in_history[i]) {
      ended_.send(connection, visit.owner, stream.id);
    }
  }
}

}  // namespace hearth::server
