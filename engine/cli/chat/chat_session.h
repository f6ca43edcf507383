// One chat at a terminal: the conversation, its settings, and the /commands. Reads no input itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/cli/chat/chat_backend.h"
#include "engine/cli/chat/screen.h"

namespace hearth::engine {

// One thread. References outlive it.
class ChatSession {
 public:
  // `interrupt_fd`: readable when a reply is to stop.
  ChatSession(ChatBackend& backend, Screen& screen, SamplingFlags settings, std::string system,
              int interrupt_fd);

  enum class Next { go_on, end };

  // A message, or a command when it begins with one '/'. Empty lines do nothing.
  Next take(const std::string& line);

  // Some message was not answered.
  bool has_failed() const { return has_failed_; }

 private:
  void command(std::string_view name, std::string_view rest);
  bool setting_command(std::string_view name, std::string_view rest);
  void help();
  void start_anew();
  void set_system(std::string_view text);
  void show_params();
  void show_history();
  void retry();
  void undo();
  void save(std::string_view path);
  void load(std::string_view path);
  void show_usage();
  void send(std::string text);
  void answer();
  Result<ChatAnswer> ask();

  ChatBackend& backend_;
  Screen& screen_;
  SamplingFlags settings_;
  std::string system_;
  int interrupt_fd_;
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();  // user, assistant, user, …
  std::size_t num_forgotten_ = 0;  // leading messages that no longer fit into the context
  ChatAnswer last_;
  double last_seconds_ = 0.0;
  bool has_failed_ = false;
  bool is_over_ = false;
};

}  // namespace hearth::engine
