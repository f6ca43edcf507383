#include "engine/cli/chat/chat_session.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <utility>

#include "engine/cli/chat/chat_settings.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kHelp =
    "/new              begin another conversation; system prompt and settings stay\n"
    "/system [TEXT]    show or set the system prompt; /system off removes it\n"
    "/params           show the settings\n"
    "/set NAME VALUE   set one, also /NAME VALUE: /temperature 0.7, /top_p off, /seed 1\n"
    "/retry            write the last reply again\n"
    "/undo             take the last message and its reply back\n"
    "/history          show the conversation\n"
    "/save FILE        write the conversation as JSON; /load FILE reads one\n"
    "/usage            tokens and speed of the last reply\n"
    "/exit             end, as Ctrl-D does\n"
    "Ctrl-C stops a reply; twice, it ends. A line that ends with \\ goes on in the next one.\n"
    "//text sends a message that begins with /.";

std::string dump(const ordered_json& object, int indent) {
  return object.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// A system message that may be missing, then user and assistant in turn.
bool is_conversation(const ordered_json& messages) {
  if (!messages.is_array()) return false;
  std::size_t place = 0;
  for (const ordered_json& message : messages) {
    if (!message.is_object() || !message.contains("role") || !message.contains("content") ||
        !message["content"].is_string())
      return false;
    const bool is_system = &message == &messages.front() && message["role"] == "system";
    if (is_system) continue;
    if (message["role"] != (place++ % 2 == 0 ? "user" : "assistant")) return false;
  }
  return place % 2 == 0;
}

}  // namespace

ChatSession::ChatSession(ChatBackend& backend, Screen& screen, SamplingFlags settings,
                         std::string system, int interrupt_fd)
    : backend_(backend),
      screen_(screen),
      settings_(std::move(settings)),
      system_(std::move(system)),
      interrupt_fd_(interrupt_fd) {}

ChatSession::Next ChatSession::take(const std::string& line) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return Next::go_on;
  if (text.starts_with("//")) {
    send(std::string(text.substr(1)));
  } else if (text.starts_with('/')) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    command(text.substr(1, end - 1), trimmed(text.substr(end)));
  } else {
    send(line);
  }
  return is_over_ ? Next::end : Next::go_on;
}

void ChatSession::command(std::string_view name, std::string_view rest) {
  if (name == "help" || name == "?") return help();
  if (name == "new" || name == "clear") return start_anew();
  if (name == "system") return set_system(rest);
  if (name == "params" || name == "settings") return show_params();
  if (name == "history") return show_history();
  if (name == "retry" || name == "regenerate") return retry();
  if (name == "undo") return undo();
  if (name == "save") return save(rest);
  if (name == "load") return load(rest);
  if (name == "usage") return show_usage();
  if (name == "exit" || name == "quit" || name == "bye") {
    is_over_ = true;
    return;
  }
  if (name == "set") {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    if (end == 0) return show_params();
    if (!setting_command(rest.substr(0, end), trimmed(rest.substr(end))))
      screen_.error("There is no setting \"" + std::string(rest.substr(0, end)) +
                    "\"; /params lists them.");
    return;
  }
  if (!setting_command(name, rest))
    screen_.error("There is no command /" + std::string(name) + "; /help lists them.");
}

// False when there is no such setting.
bool ChatSession::setting_command(std::string_view name, std::string_view rest) {
  const auto& names = chat_setting_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) return false;
  if (!rest.empty()) {
    if (const auto set = set_chat_setting(settings_, name, rest); !set) {
      screen_.error(set.error().detail);
      return true;
    }
  }
  const ordered_json value = chat_settings_object(settings_)[std::string(name)];
  screen_.remark(std::string(name) + " = " + (value.is_null() ? "default" : dump(value, -1)));
  return true;
}

void ChatSession::help() { screen_.answer(kHelp); }

void ChatSession::start_anew() {
  messages_.clear();
  num_forgotten_ = 0;
  screen_.remark("A new conversation.");
}

void ChatSession::set_system(std::string_view text) {
  if (text.empty()) return screen_.answer(system_.empty() ? "(no system prompt)" : system_);
  system_ = text == "off" ? "" : std::string(text);
  screen_.remark(system_.empty() ? "The system prompt is removed." : "The system prompt is set.");
}

void ChatSession::show_params() {
  std::string out;
  const ordered_json settings = chat_settings_object(settings_);
  for (const auto& [name, value] : settings.items())
    out +=
        (out.empty() ? "" : "\n") + name + " = " + (value.is_null() ? "default" : dump(value, -1));
  screen_.answer(out);
}

void ChatSession::show_history() {
  std::string out;
  if (!system_.empty()) out = "system: " + system_;
  for (const ordered_json& message : messages_) {
    out += out.empty() ? "" : "\n";
    out += message["role"].get<std::string>() + ": " + message["content"].get<std::string>();
  }
  screen_.answer(out.empty() ? "(nothing yet)" : out);
}

void ChatSession::retry() {
  if (messages_.empty()) return screen_.error("There is no reply to write again.");
  messages_.erase(messages_.size() - 1);
  answer();
}

void ChatSession::undo() {
  if (messages_.empty()) return screen_.error("There is nothing to take back.");
  messages_.erase(messages_.size() - 1);
  messages_.erase(messages_.size() - 1);
  num_forgotten_ = std::min(num_forgotten_, messages_.size());
  screen_.remark("The last message and its reply are taken back.");
}

void ChatSession::save(std::string_view path) {
  if (path.empty()) return screen_.error("/save needs a file's name.");
  ordered_json all = ordered_json::array();
  if (!system_.empty()) all.push_back({{"role", "system"}, {"content", system_}});
  for (const ordered_json& message : messages_) all.push_back(message);
  std::ofstream file(std::string(path), std::ios::binary | std::ios::trunc);
  file << dump(all, 1) << '\n';
  file.close();
  if (!file) return screen_.error(std::string(path) + " cannot be written.");
  screen_.remark(std::to_string(all.size()) + " messages are in " + std::string(path) + ".");
}

void ChatSession::load(std::string_view path) {
  if (path.empty()) return screen_.error("/load needs a file's name.");
  std::ifstream file(std::string(path), std::ios::binary);
  if (!file) return screen_.error(std::string(path) + " cannot be read.");
  ordered_json all = ordered_json::parse(file, nullptr, false);
  if (!is_conversation(all))
    return screen_.error(std::string(path) +
                         " is not a JSON array of messages, user and assistant in turn.");
  const bool has_system = !all.empty() && all.front()["role"] == "system";
  if (has_system) {
    system_ = all.front()["content"].get<std::string>();
    all.erase(0);
  }
  messages_ = std::move(all);
  num_forgotten_ = 0;
  screen_.remark(std::to_string(messages_.size()) + " messages were read.");
}

void ChatSession::show_usage() {
  char speed[32];
  std::snprintf(
      speed, sizeof speed, "%.1f",
      last_seconds_ > 0.0 ? static_cast<double>(last_.completion_tokens) / last_seconds_ : 0.0);
  screen_.answer(std::to_string(last_.prompt_tokens) + " prompt tokens, " +
                 std::to_string(last_.completion_tokens) + " reply tokens, " + speed +
                 " tokens a second");
}

void ChatSession::send(std::string text) {
  messages_.push_back({{"role", "user"}, {"content", std::move(text)}});
  answer();
}

// The last message is the user's; afterwards its reply's, or both are gone.
void ChatSession::answer() {
  const std::size_t num_forgotten = num_forgotten_;
  const auto begin = std::chrono::steady_clock::now();
  Result<ChatAnswer> answer = ask();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  if (answer && answer->finish_reason == "cancelled" && answer->text.empty()) {
    messages_.erase(messages_.size() - 1);
    return screen_.remark("Stopped; the message is taken back.");
  }
  if (!answer) {
    messages_.erase(messages_.size() - 1);
    has_failed_ = true;
    return screen_.error(answer.error().detail);
  }
  screen_.end_reply();
  if (num_forgotten_ > num_forgotten) {
    screen_.remark("The first " + std::to_string(num_forgotten_) +
                   " messages no longer fit into the context; the model does not see them.");
  }
  if (answer->finish_reason == "cancelled") screen_.remark("Stopped.");
  if (answer->finish_reason == "length") screen_.remark("The reply has reached its longest.");
  messages_.push_back({{"role", "assistant"}, {"content", answer->text}});
  last_ = std::move(*answer);
  last_seconds_ = passed.count();
}

// What does not fit is left out from the beginning, an exchange at a time.
Result<ChatAnswer> ChatSession::ask() {
  const auto show = [this](std::string_view text) { screen_.reply(text); };
  for (;;) {
    ordered_json sent = ordered_json::array();
    if (!system_.empty()) sent.push_back({{"role", "system"}, {"content", system_}});
    for (std::size_t i = num_forgotten_; i < messages_.size(); ++i) sent.push_back(messages_[i]);
    Result<ChatAnswer> answer = backend_.reply(sent, settings_, show, interrupt_fd_);
    const bool is_too_long = !answer && answer.error().code == ErrorCode::context_length_exceeded;
    if (is_too_long && num_forgotten_ + 2 < messages_.size()) {
      num_forgotten_ += 2;
      continue;
    }
    return answer;
  }
}

}  // namespace hearth::engine
