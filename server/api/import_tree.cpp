#include "server/api/import_tree.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <utility>

#include "server/api/errors.h"
#include "server/session/crypto.h"
#include "server/session/title.h"

namespace hearth::server {
namespace {

using Refusal = tl::unexpected<WireError>;

Refusal refuse(ErrorCode code, std::string detail, std::string param) {
  return tl::unexpected(wire_error(code, std::move(detail), std::move(param)));
}

template <class IdType>
IdType derived_id(const std::string& what) {
  const Sha256 digest = sha256("hearth import\n" + what);
  IdType id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

std::string message_part(std::size_t index, const char* field) {
  return "messages[" + std::to_string(index) + "]." + field;
}

// On one line, without control characters, at most so many characters.
std::string clean_title(const std::string& title, std::size_t chars_max) {
  std::string out;
  std::size_t chars = 0;
  for (const char c : title) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins_character = (byte & 0xC0U) != 0x80U;
    if (begins_character && ++chars > chars_max) break;
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  return out;
}

// The nodes by their ids, and who their nearest kept ancestor is.
class Tree {
 public:
  explicit Tree(std::vector<ForeignMessage> nodes) : nodes_(std::move(nodes)) {}

  std::optional<WireError> connect() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!place_.emplace(nodes_[i].id, i).second) {
        return wire_error(ErrorCode::invalid_parameter, "Two messages have the same id.",
                          message_part(i, "id"));
      }
    }
    std::vector<std::size_t> all(nodes_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const std::vector<std::size_t> parents_first = in_order(all);
    if (parents_first.size() < nodes_.size()) {
      return wire_error(ErrorCode::invalid_parameter, "The messages hang in a circle.", "messages");
    }
    for (const std::size_t i : parents_first) {
      const auto above = place_.find(nodes_[i].parent);
      if (above == place_.end()) {
        nodes_[i].parent.clear();
      } else if (!nodes_[above->second].is_kept) {
        nodes_[i].parent = nodes_[above->second].parent;  // a kept one by now, or none
      }
    }
    return std::nullopt;
  }

  // A message behind one of its own role takes that one's text before its own. False: that would be
  // more text than is taken.
  bool fold_runs(std::size_t text_bytes_max) {
    std::size_t bytes = 0;
    std::unordered_map<std::string, int> num_children;
    for (const std::size_t i : order()) {
      ForeignMessage& node = nodes_[i];
      bytes += node.text.size();
      const auto above = place_.find(node.parent);
      if (above == place_.end()) continue;
      const ForeignMessage& parent = nodes_[above->second];
      if (parent.role != node.role) {
        ++num_children[node.parent];
        continue;
      }
      bytes += parent.text.size();
      if (bytes > text_bytes_max) return false;
      folded_into_[node.parent] = node.id;
      node.text = parent.text + "\n\n" + node.text;
      node.parent = parent.parent;
    }
    for (const auto& [id, child] : folded_into_) {
      if (num_children[id] == 0) nodes_[place_.at(id)].is_kept = false;
    }
    return true;
  }

  // Kept ones, parents first, else by time.
  std::vector<std::size_t> order() const {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].is_kept) kept.push_back(i);
    }
    return in_order(kept);
  }

  // What stands for that node now; "" when nothing does.
  std::string standing_for(std::string id) const {
    for (std::size_t steps = 0; steps <= nodes_.size(); ++steps) {
      const auto at = place_.find(id);
      if (at == place_.end()) return {};
      if (nodes_[at->second].is_kept) return id;
      const auto child = folded_into_.find(id);
      id = child != folded_into_.end() ? child->second : nodes_[at->second].parent;
    }
    return {};
  }

  const std::vector<ForeignMessage>& nodes() const { return nodes_; }

 private:
  // Without those in a circle.
  std::vector<std::size_t> in_order(const std::vector<std::size_t>& kept) const {
    std::unordered_map<std::string, std::vector<std::size_t>> children;
    using Entry = std::pair<std::int64_t, std::size_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    for (const std::size_t i : kept) {
      const auto above = place_.find(nodes_[i].parent);
      if (above == place_.end()) {
        ready.emplace(nodes_[i].created_ms, i);
      } else {
        children[nodes_[i].parent].push_back(i);
      }
    }
    std::vector<std::size_t> order;
    while (!ready.empty()) {
      const std::size_t next = ready.top().second;
      ready.pop();
      order.push_back(next);
      for (const std::size_t child : children[nodes_[next].id])
        ready.emplace(nodes_[child].created_ms, child);
    }
    return order;
  }

  std::vector<ForeignMessage> nodes_;
  std::unordered_map<std::string, std::size_t> place_;
  std::unordered_map<std::string, std::string> folded_into_;
};

std::optional<WireError> check_sizes(const ForeignConversation& foreign,
                                     const ImportLimits& limits) {
  if (foreign.messages.size() > limits.messages) {
    return wire_error(ErrorCode::message_too_large,
                      "A conversation has " + std::to_string(foreign.messages.size()) +
                          " messages; at most " + std::to_string(limits.messages) + " are taken.",
                      "messages");
  }
  if (foreign.system.size() > limits.system_bytes) {
    return wire_error(ErrorCode::message_too_large,
                      "The instructions have " + std::to_string(foreign.system.size()) +
                          " bytes; at most " + std::to_string(limits.system_bytes) + " are taken.",
                      "system");
  }
  return std::nullopt;
}

Message make_message(const ForeignMessage& node, const std::string& scope, std::int64_t now_ms) {
  constexpr std::size_t kModelBytes = 200;
  constexpr std::size_t kParamsBytes = 4096;
  Message row{.id = derived_id<MessageId>(scope + node.id),
              .role = node.role,
              .content = node.text,
              .edited = node.edited,
              .created_ms = node.created_ms > 0 ? node.created_ms : now_ms};
  if (!node.parent.empty()) row.parent = derived_id<MessageId>(scope + node.parent);
  if (node.role != Role::assistant) return row;
  row.model = clean_title(node.model, kModelBytes);
  row.seed = node.seed;
  if (node.params_json.size() <= kParamsBytes) row.params_json = node.params_json;
  row.end = ReplyEnd{.reason = node.reason};
  return row;
}

std::string title_of(const ForeignConversation& foreign, const std::vector<Message>& messages,
                     const ImportLimits& limits) {
  std::string title = clean_title(foreign.title, limits.title_chars);
  if (title.find_first_not_of(' ') != std::string::npos) return title;
  return messages.empty() ? "…" : title_from(messages.front().content);
}

}  // namespace

tl::expected<ConversationImport, WireError> make_import(const UserId& owner,
                                                        ForeignConversation foreign,
                                                        const ImportLimits& limits,
                                                        std::int64_t now_ms) {
  if (auto problem = check_sizes(foreign, limits)) return tl::unexpected(std::move(*problem));
  Tree tree(std::move(foreign.messages));
  if (auto problem = tree.connect()) return tl::unexpected(std::move(*problem));
  if (!tree.fold_runs(limits.text_bytes)) {
    return refuse(ErrorCode::message_too_large,
                  "Messages of one role in a row are joined; these would become too long.",
                  "messages");
  }
  ConversationImport made{.original = foreign.original};
  const std::string scope = to_string(owner) + "\n" + foreign.source + "\n";
  made.conversation = {.id = derived_id<ConversationId>(scope),
                       .system = std::move(foreign.system),
                       .params_json = std::move(foreign.params_json),
                       .pinned = foreign.pinned,
                       .created_ms = foreign.created_ms > 0 ? foreign.created_ms : now_ms};
  for (const std::size_t i : tree.order()) {
    const ForeignMessage& node = tree.nodes()[i];
    if (node.text.size() > limits.content_bytes) {
      return refuse(ErrorCode::message_too_large,
                    "A message has " + std::to_string(node.text.size()) + " bytes; at most " +
                        std::to_string(limits.content_bytes) + " are taken.",
                    message_part(i, "content"));
    }
    made.messages.push_back(make_message(node, scope, now_ms));
  }
  if (made.messages.empty())
    return refuse(ErrorCode::invalid_parameter, "There is no message in it.", "messages");
  const std::string head = tree.standing_for(foreign.head);
  made.conversation.head =
      head.empty() ? made.messages.back().id : derived_id<MessageId>(scope + head);
  made.conversation.updated_ms = std::max(foreign.updated_ms, made.conversation.created_ms);
  made.conversation.title = title_of(foreign, made.messages, limits);
  return made;
}

}  // namespace hearth::server
