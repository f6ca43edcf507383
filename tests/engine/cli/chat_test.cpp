// `hearth chat` on pipes and on a pseudo-terminal, with a backend that says what it was sent.
#include "engine/cli/chat/chat.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

// Answers "echo: <last message>", or what a test wants.
class EchoBackend final : public ChatBackend {
 public:
  std::string description() const override { return "echo"; }
  Result<ChatAnswer> reply(const ordered_json& messages, const SamplingFlags& settings,
                           const std::function<void(std::string_view)>& show,
                           int interrupt_fd) override {
    sent.push_back(messages);
    temperature = settings.sampling.temperature;
    const std::string last = messages.back()["content"];
    if (num_fit > 0 && messages.size() > num_fit)
      return fail(ErrorCode::context_length_exceeded, "Too long.");
    if (last == "fail") return fail(ErrorCode::io_error, "Nobody answers.");
    ChatAnswer answer{"echo: " + last, "stop", 3, 4};
    show(answer.text);
    if (last == "wait") {  // as a long reply would
      pollfd interrupt{interrupt_fd, POLLIN, 0};
      poll(&interrupt, 1, -1);
      answer.finish_reason = "cancelled";
    }
    return answer;
  }

  std::vector<ordered_json> sent;
  std::optional<double> temperature;
  std::size_t num_fit = 0;  // more messages are too long; 0: any
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// With everything it will read already there, and what it prints small enough for the pipes.
Ran through_pipes(EchoBackend& backend, const std::string& input, const std::string& system = "") {
  std::array<std::array<int, 2>, 3> pipes{};
  for (auto& pair : pipes) EXPECT_EQ(pipe(pair.data()), 0);
  EXPECT_EQ(write(pipes[0][1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  close(pipes[0][1]);
  Ran ran;
  ran.code = run_chat(backend, {pipes[0][0], pipes[1][1], pipes[2][1]}, {}, system);
  close(pipes[1][1]);
  close(pipes[2][1]);
  ran.out = read_all(pipes[1][0]);
  ran.err = read_all(pipes[2][0]);
  for (const int fd : {pipes[0][0], pipes[1][0], pipes[2][0]}) close(fd);
  return ran;
}

ordered_json roles(const ordered_json& messages) {
  ordered_json out = ordered_json::array();
  for (const auto& message : messages)
    out.push_back(message["role"].get<std::string>() + ":" + message["content"].get<std::string>());
  return out;
}

TEST(ChatThroughPipes, EachLineIsAMessageOfOneConversation) {
  EchoBackend backend;
  const Ran ran = through_pipes(backend, "one\n\ntwo\r\nthree", "Be kind.");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "echo: one\necho: two\necho: three\n");
  EXPECT_EQ(ran.err, "");
  ASSERT_EQ(backend.sent.size(), 3U);
  EXPECT_EQ(roles(backend.sent[2]),
            (ordered_json{"system:Be kind.", "user:one", "assistant:echo: one", "user:two",
                          "assistant:echo: two", "user:three"}));
}

TEST(ChatThroughPipes, ALineCanGoOn) {
  EchoBackend backend;
  EXPECT_EQ(through_pipes(backend, "one\\\ntwo\nthree\\").out, "echo: one\ntwo\necho: three\n\n");
}

TEST(ChatThroughPipes, WhatIsNoUtf8IsReplaced) {
  EchoBackend backend;
  EXPECT_EQ(through_pipes(backend, "a\xff你\n").out, "echo: a\uFFFD你\n");
}

TEST(ChatThroughPipes, CommandsChangeWhatIsSent) {
  EchoBackend backend;
  const Ran ran = through_pipes(backend,
                                "/temperature 0.25\n/system Be brief.\none\n/retry\ntwo\n/undo\n"
                                "/set temperature off\n//slash\n/new\nfive\n");
  EXPECT_EQ(ran.code, 0);
  ASSERT_EQ(backend.sent.size(), 5U);
  EXPECT_EQ(roles(backend.sent[1]), (ordered_json{"system:Be brief.", "user:one"}));
  EXPECT_EQ(roles(backend.sent[3]),
            (ordered_json{"system:Be brief.", "user:one", "assistant:echo: one", "user:/slash"}));
  EXPECT_EQ(roles(backend.sent[4]), (ordered_json{"system:Be brief.", "user:five"}));
  EXPECT_EQ(backend.temperature, std::nullopt);
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
  EXPECT_NE(ran.err.find("temperature = 0.25"), std::string::npos) << "remarks are not replies";
}

TEST(ChatThroughPipes, WrongCommandsSaySoAndTheChatGoesOn) {
  EchoBackend backend;
  const Ran ran = through_pipes(
      backend, "/nonsense\n/top_p 7\n/set colour red\n/retry\n/undo\n/load /nowhere\n/save\nhi\n");
  EXPECT_EQ(ran.out, "echo: hi\n");
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 7) << ran.err;
  EXPECT_NE(ran.err.find("/nonsense"), std::string::npos);
}

TEST(ChatThroughPipes, AMessageWithoutAnswerIsTakenBackAndTheExitCodeSaysSo) {
  EchoBackend backend;
  const Ran ran = through_pipes(backend, "fail\nnext\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "hearth: Nobody answers.\n");
  EXPECT_EQ(roles(backend.sent[1]), (ordered_json{"user:next"}));
}

TEST(ChatThroughPipes, ALongConversationForgetsItsBeginning) {
  EchoBackend backend;
  backend.num_fit = 4;
  const Ran ran = through_pipes(backend, "1\n2\n3\n4\n", "S");
  EXPECT_EQ(ran.out, "echo: 1\necho: 2\necho: 3\necho: 4\n");
  EXPECT_EQ(roles(backend.sent.back()),
            (ordered_json{"system:S", "user:3", "assistant:echo: 3", "user:4"}));
  EXPECT_NE(ran.err.find("The first 4 messages"), std::string::npos) << ran.err;
}

TEST(ChatThroughPipes, SavesAndLoads) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("hearth-chat-" + std::to_string(getpid()) + ".json");
  EchoBackend backend;
  through_pipes(backend, "one\n/save " + file.string() + "\n", "S");
  EchoBackend second;
  through_pipes(second, "/load " + file.string() + "\ntwo\n");
  ASSERT_EQ(second.sent.size(), 1U);
  EXPECT_EQ(roles(second.sent[0]),
            (ordered_json{"system:S", "user:one", "assistant:echo: one", "user:two"}));
  std::ofstream(file) << R"([{"role": "assistant", "content": "x"}])";
  EXPECT_NE(through_pipes(second, "/load " + file.string() + "\n").err.find("is not a JSON array"),
            std::string::npos);
  std::filesystem::remove(file);
}

// A terminal whose keyboard and screen are the test's.
class PseudoTerminal {
 public:
  PseudoTerminal() {
    setenv("TERM", "xterm", 1);
    winsize size{24, 60, 0, 0};
    EXPECT_EQ(openpty(&keyboard_, &terminal_, nullptr, nullptr, &size), 0);
  }
  ~PseudoTerminal() {
    close(keyboard_);
    close(terminal_);
  }

  void run(EchoBackend& backend) {
    chat_ = std::thread([this, &backend] {
      code_ = run_chat(backend, {terminal_, terminal_, terminal_}, {}, "");
    });
  }
  void type(const std::string& keys) {
    EXPECT_EQ(write(keyboard_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Reads the screen until `text` came after what was waited for before.
  void wait_for(const std::string& text) {
    std::array<char, 4096> buffer{};
    for (;;) {
      const std::size_t found = screen.find(text, seen_);
      if (found != std::string::npos) {
        seen_ = found + text.size();
        return;
      }
      const ssize_t count = read(keyboard_, buffer.data(), buffer.size());
      ASSERT_GT(count, 0) << screen;
      screen.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  int join() {
    chat_.join();
    return code_;
  }

  std::string screen;

 private:
  int keyboard_ = -1;
  int terminal_ = -1;
  std::size_t seen_ = 0;
  std::thread chat_;
  int code_ = -1;
};

TEST(ChatOnATerminal, EditsLinesAndRecallsThem) {
  EchoBackend backend;
  PseudoTerminal terminal;
  terminal.run(backend);
  terminal.wait_for("> ");
  terminal.type("helo\x1b[Dl\r");
  terminal.wait_for("echo: hello");
  terminal.wait_for("> ");
  terminal.type("\x1b[A!\r");
  terminal.wait_for("echo: hello!");
  terminal.wait_for("> ");
  terminal.type("\x04");
  EXPECT_EQ(terminal.join(), 0);
  ASSERT_EQ(backend.sent.size(), 2U);
  EXPECT_EQ(backend.sent[1].back()["content"], "hello!");
}

// SIGINT reaches whatever thread; what counts is that the chat hears it.
TEST(ChatOnATerminal, ControlCStopsTheReplyAndTwiceTheChat) {
  EchoBackend backend;
  PseudoTerminal terminal;
  terminal.run(backend);
  terminal.wait_for("> ");
  terminal.type("wait\r");
  terminal.wait_for("echo: wait");
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  terminal.wait_for("Stopped.");
  terminal.wait_for("> ");
  terminal.type("again\r");
  terminal.wait_for("echo: again");
  terminal.wait_for("> ");
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  terminal.wait_for("Ctrl-C again");
  terminal.wait_for("> ");
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  EXPECT_EQ(terminal.join(), 130);
  ASSERT_EQ(backend.sent.size(), 2U);
  EXPECT_EQ(roles(backend.sent[1]),
            (ordered_json{"user:wait", "assistant:echo: wait", "user:again"}));
}

TEST(ChatOnATerminal, AReplyCannotCommandTheTerminal) {
  EchoBackend backend;
  PseudoTerminal terminal;
  terminal.run(backend);
  terminal.wait_for("> ");
  terminal.type("\x1b[200~a\u009bb\x1b[201~\r");
  terminal.wait_for("echo: ab");
  terminal.type("\x04");
  EXPECT_EQ(terminal.join(), 0);
}

}  // namespace
}  // namespace hearth::engine
