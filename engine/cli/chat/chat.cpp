#include "engine/cli/chat/chat.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "engine/cli/chat/chat_session.h"
#include "engine/cli/chat/interrupts.h"
#include "engine/cli/chat/line_reader.h"
#include "engine/cli/chat/local_backend.h"
#include "engine/cli/chat/screen.h"
#include "engine/cli/chat/server_backend.h"

namespace hearth::engine {
namespace {

constexpr int kEndedByCtrlC = 130;  // as shells have it: 128 + SIGINT
constexpr std::string_view kPrompt = "> ";
constexpr std::string_view kMorePrompt = ". ";

struct ChatOptions {
  std::string model;
  std::string url;
  std::string key;
  std::string system;
  SamplingFlags flags;
  RunnerOptions runner;
};

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* const term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) == "dumb";
}

// Two Ctrl-C with nothing typed between them end the chat.
class Loop {
 public:
  Loop(ChatBackend& backend, const ChatStreams& streams, const SamplingFlags& settings,
       const std::string& system)
      : screen_(streams.out, streams.err, isatty(streams.out) != 0 && !is_dumb(),
                !is_set("NO_COLOR")),
        reader_(streams.in, isatty(streams.in) != 0 && screen_.is_terminal(), interrupts_, screen_),
        session_(backend, screen_, settings, system, interrupts_.fd()) {
    if (!screen_.is_terminal()) return;
    screen_.remark(backend.description());
    screen_.remark("/help lists the commands; Ctrl-C stops a reply; Ctrl-D ends.");
  }

  int run() {
    std::string text;
    for (;;) {
      ReadLine line = reader_.next(text.empty() ? kPrompt : kMorePrompt);
      if (reader_.take_typed()) num_interrupts_ = 0;
      if (line.kind == ReadLine::Kind::interrupted) {
        text.clear();
        num_interrupts_ += interrupts_.take();
        if (num_interrupts_ >= 2) return kEndedByCtrlC;
        screen_.remark("Ctrl-C again ends the chat, as /exit does.");
        continue;
      }
      if (line.kind == ReadLine::Kind::end && text.empty()) return exit_code();
      text += line.text;
      if (line.kind == ReadLine::Kind::line && text.ends_with('\\')) {
        text.back() = '\n';
        continue;
      }
      const ChatSession::Next next = session_.take(std::exchange(text, {}));
      num_interrupts_ += interrupts_.take();
      if (num_interrupts_ >= 2) return kEndedByCtrlC;
      if (next == ChatSession::Next::end) return exit_code();
    }
  }

 private:
  int exit_code() const { return session_.has_failed() ? 1 : 0; }

  Interrupts interrupts_;
  Screen screen_;
  LineReader reader_;
  ChatSession session_;
  int num_interrupts_ = 0;
};

std::unique_ptr<ChatBackend> open_backend(const ChatOptions& options) {
  if (options.model.empty() == options.url.empty())
    give_up({ErrorCode::usage, "chat needs either --model FOLDER or --url http://HOST:PORT."});
  Result<std::unique_ptr<ChatBackend>> backend;
  if (!options.model.empty()) {
    backend = open_local_backend(options.model, options.runner);
  } else {
    const auto address = parse_server_url(options.url);
    if (!address) give_up(address.error());
    backend = open_server_backend(*address, options.key);
  }
  if (!backend) give_up(backend.error());
  return std::move(*backend);
}

void run(const ChatOptions& options) {
  const auto backend = open_backend(options);
  const int code = run_chat(*backend, {}, options.flags, options.system);
  if (code != 0) throw CLI::RuntimeError(code);
}

}  // namespace

int run_chat(ChatBackend& backend, const ChatStreams& streams, const SamplingFlags& settings,
             const std::string& system) {
  return Loop(backend, streams, settings, system).run();
}

void add_chat_command(CLI::App& app) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* command = app.add_subcommand("chat", "A chat in the terminal");
  command->add_option("--model", options->model, "Model folder, loaded into this process");
  command->add_option("--url", options->url, "A running server instead: http://HOST:PORT");
  command->add_option("--api-key", options->key, "The server's key, or the room's code")
      ->envname("HEARTH_API_KEY");
  command->add_option("--system", options->system, "What stands before the conversation");
  add_sampling_flags(*command, options->flags);
  add_engine_flags(*command, options->runner);
  command->callback([options] { run(*options); });
}

}  // namespace hearth::engine
