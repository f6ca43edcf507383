#include "server/api/export_json.h"

#include <array>
#include <cctype>
#include <ctime>

#include <nlohmann/json.hpp>

#include "server/session/conversation_json.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

std::string dump(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

json or_null(const std::optional<MessageId>& id) {
  return id ? json(to_string(*id)) : json(nullptr);
}

bool is_plain(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-');
}

}  // namespace

std::string export_head(const Conversation& conversation) {
  std::string text = dump({{"format", "hearth.conversation.v1"},
                           {"id", to_string(conversation.id)},
                           {"title", conversation.title},
                           {"system", conversation.system},
                           {"params", object_of(conversation.params_json)},
                           {"pinned", conversation.pinned},
                           {"created", conversation.created_ms},
                           {"updated", conversation.updated_ms},
                           {"head", or_null(conversation.head)}});
  text.pop_back();
  return text + R"(,"messages":[)";
}

std::string export_message(const Message& message) {
  json body = {{"id", to_string(message.id)},     {"parent", or_null(message.parent)},
               {"role", to_string(message.role)}, {"content", message.content},
               {"created", message.created_ms},   {"status", to_string(message.status)}};
  if (message.edited) body["edited"] = true;
  if (message.role == Role::assistant) {
    body["model"] = message.model;
    body["seed"] = message.seed;
    body["params"] = object_of(message.params_json);
    if (message.end) body["finish_reason"] = to_string(message.end->reason);
  }
  return dump(body);
}

std::string export_markdown(const ConversationPath& path) {
  std::string text = "# " + path.conversation.title + "\n";
  if (!path.conversation.system.empty())
    text += "\n> " + std::string("Instructions: ") + path.conversation.system + "\n";
  if (path.num_left_out > 0) text += "\n*(What came before is too long for this file.)*\n";
  for (std::size_t i = path.num_left_out; i < path.messages.size(); ++i) {
    const Message& message = path.messages[i];
    const bool is_reply = message.role == Role::assistant;
    text += "\n## ";
    text += is_reply ? (message.model.empty() ? "Reply" : message.model) : "You";
    text += "\n\n" + message.content + "\n";
  }
  return text;
}

std::string attachment(std::string_view title, std::string_view extension) {
  constexpr std::size_t kNameMax = 80;
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string plain;
  std::string encoded;
  for (const char c : title) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte)) {
      if (plain.size() < kNameMax) plain += c;
      encoded += c;
    } else {
      if (plain.size() < kNameMax && !plain.empty() && plain.back() != '-') plain += '-';
      encoded += '%';
      encoded += kHex[byte >> 4U];
      encoded += kHex[byte & 15U];
    }
  }
  while (!plain.empty() && (plain.back() == '-' || plain.back() == '.')) plain.pop_back();
  if (plain.empty()) plain = "conversation";
  std::string value = "attachment; filename=\"";
  value.append(plain).append(1, '.').append(extension).append("\"; filename*=UTF-8''");
  value.append(encoded.empty() ? plain : encoded).append(1, '.').append(extension);
  return value;
}

std::string date_of(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

}  // namespace hearth::server
