// The parts of `hearth chat` that need no terminal: the edited line, HTTP answers, events,
// settings.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cli/chat/chat_settings.h"
#include "engine/cli/chat/http_client.h"
#include "engine/cli/chat/http_reader.h"
#include "engine/cli/chat/line_editor.h"
#include "engine/cli/chat/server_backend.h"

namespace hearth::engine {
namespace {

using Outcome = LineEditor::Outcome;

Outcome type(LineEditor& editor, std::string_view keys) {
  Outcome outcome = Outcome::editing;
  for (const char key : keys) outcome = editor.feed(key);
  return outcome;
}

std::string line_of(std::string_view keys) {
  LineEditor editor;
  EXPECT_EQ(type(editor, keys), Outcome::editing);
  EXPECT_EQ(editor.feed('\r'), Outcome::entered);
  return editor.take();
}

TEST(LineEditor, KeysChangeTheLineAtTheCursor) {
  EXPECT_EQ(line_of("hello"), "hello");
  EXPECT_EQ(line_of("helo\x1b[D\x1b[Dl"), "hello");
  EXPECT_EQ(line_of("xab\x01\x1b[3~"), "ab");
  EXPECT_EQ(line_of("one two\x17three"), "one three");
  EXPECT_EQ(line_of("gone\x15kept"), "kept");
  EXPECT_EQ(line_of("kept gone\x1b[D\x1b[D\x1b[D\x1b[D\x0b"), "kept ");
  EXPECT_EQ(line_of("b\x1bOHa\x1bOFc"), "abc");
  EXPECT_EQ(line_of("a\x1b[15;2~b\x1b[Zc"), "abc") << "unknown keys do nothing";
}

TEST(LineEditor, ErasesWholeCharacters) {
  EXPECT_EQ(line_of("你好\x7f"), "你");
  EXPECT_EQ(line_of("ae\u0301\x7f"), "a") << "an accent goes with its letter";
  EXPECT_EQ(line_of("ü\x1b[Dö"), "öü");
  EXPECT_EQ(line_of("a\xff\xc3(b"), "a(b") << "what is no UTF-8 is not taken";
}

TEST(LineEditor, PasteKeepsItsLineBreaks) {
  EXPECT_EQ(line_of("\x1b[200~one\rtwo\n\x1b[201~three"), "one\ntwo\nthree");
}

TEST(LineEditor, UpAndDownWalkThroughEarlierLines) {
  LineEditor editor;
  for (const char* const line : {"first\r", "second\r", "second\r"}) {
    type(editor, line);
    editor.take();
  }
  type(editor, "draft\x1b[A");
  EXPECT_NE(editor.drawn("> ", 40).find("second"), std::string::npos);
  type(editor, "\x1b[A\x1b[A");
  EXPECT_NE(editor.drawn("> ", 40).find("first"), std::string::npos);
  type(editor, "\x1b[B\x1b[B\x1b[B\r");
  EXPECT_EQ(editor.take(), "draft");
}

TEST(LineEditor, ControlDClosesAnEmptyLineOnly) {
  LineEditor editor;
  EXPECT_EQ(type(editor, "a\x04"), Outcome::editing);
  EXPECT_EQ(type(editor, "\x7f\x04"), Outcome::closed);
}

TEST(LineEditor, DrawsThePartAroundTheCursor) {
  LineEditor editor;
  type(editor, "0123456789");
  EXPECT_EQ(editor.drawn("> ", 40), "\r> 0123456789\x1b[K");
  EXPECT_EQ(editor.drawn("> ", 8), "\r> 56789\x1b[K");
  type(editor, "\x01");
  EXPECT_EQ(editor.drawn("> ", 8), "\r> 01234\x1b[K\x1b[5D");
  editor.clear();
  type(editor, "你好吗");
  EXPECT_EQ(editor.drawn("> ", 8), "\r> 好吗\x1b[K") << "two columns each";
}

struct Read {
  int status = 0;
  std::string body;
  bool is_done = false;
};

Read read(std::string_view bytes, std::size_t cut) {
  HttpReader reader;
  Read out;
  EXPECT_TRUE(reader.push(bytes.substr(0, cut), out.body));
  EXPECT_TRUE(reader.push(bytes.substr(cut), out.body));
  out.status = reader.status();
  out.is_done = reader.is_done();
  return out;
}

TEST(HttpReader, ReadsEveryFramingHoweverItIsCut) {
  const std::vector<std::string> answers = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: "
      "b\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello"};
  for (const std::string& answer : answers) {
    for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
      const Read out = read(answer, cut);
      EXPECT_EQ(out.status, 200) << answer << cut;
      EXPECT_EQ(out.body, "hello") << answer << cut;
      EXPECT_TRUE(out.is_done) << answer << cut;
    }
  }
}

TEST(HttpReader, WithoutALengthTheEndIsTheEnd) {
  HttpReader reader;
  std::string body;
  ASSERT_TRUE(reader.push("HTTP/1.0 401 No\r\n\r\nwhy", body));
  EXPECT_FALSE(reader.is_done());
  EXPECT_TRUE(reader.close());
  EXPECT_EQ(reader.status(), 401);
  EXPECT_EQ(body, "why");
}

TEST(HttpReader, AnAnswerThatBreaksOffIsAnError) {
  HttpReader reader;
  std::string body;
  ASSERT_TRUE(reader.push("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", body));
  EXPECT_FALSE(reader.close());
}

TEST(HttpReader, RefusesWhatIsNoHttp) {
  for (const char* const bytes :
       {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nnocolon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    HttpReader reader;
    std::string body;
    EXPECT_FALSE(reader.push(bytes, body)) << bytes;
  }
  HttpReader reader;
  std::string body;
  EXPECT_FALSE(reader.push(std::string(HttpReader::kHeadMax + 1, 'x'), body));
}

TEST(EventReader, FindsEventsHoweverTheyAreCut) {
  const std::string text =
      ": hello\n\ndata: {\"a\":1}\n\nevent: x\r\ndata: b\r\ndata:c\r\n\r\ndata: cut";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EventReader reader;
    std::vector<std::string> events;
    const auto use = [&](const std::string& data) { events.push_back(data); };
    reader.push(text.substr(0, cut), use);
    reader.push(text.substr(cut), use);
    EXPECT_EQ(events, (std::vector<std::string>{"{\"a\":1}", "b\nc"})) << cut;
  }
}

TEST(ServerUrl, NamesHostPortAndPrefix) {
  const auto plain = parse_server_url("http://10.0.0.1:8080");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host + "|" + plain->port + "|" + plain->prefix, "10.0.0.1|8080|");
  const auto prefixed = parse_server_url("http://box/hearth/v1/");
  ASSERT_TRUE(prefixed);
  EXPECT_EQ(prefixed->host + "|" + prefixed->port + "|" + prefixed->prefix, "box|80|/hearth");
  const auto v6 = parse_server_url("http://[::1]:9");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host + "|" + v6->port, "::1|9");
  for (const char* const bad : {"https://x", "x:80", "http://", "http://x:", "http://x:99999999",
                                "http://a b", "http://me@x", "http://x/?a"}) {
    EXPECT_FALSE(parse_server_url(bad)) << bad;
  }
}

TEST(ChatSettings, AreSetShownAndTakenBackByName) {
  SamplingFlags flags;
  ASSERT_TRUE(set_chat_setting(flags, "temperature", "0.5"));
  ASSERT_TRUE(set_chat_setting(flags, "max_tokens", "7"));
  ASSERT_TRUE(set_chat_setting(flags, "stop", "the end"));
  EXPECT_EQ(flags.sampling.temperature, 0.5);
  EXPECT_EQ(flags.max_new_tokens, 7);
  EXPECT_EQ(chat_settings_object(flags)["stop"], (std::vector<std::string>{"the end"}));
  ASSERT_TRUE(set_chat_setting(flags, "temperature", "off"));
  EXPECT_TRUE(chat_settings_object(flags)["temperature"].is_null());
}

TEST(ChatSettings, RefuseWhatCannotBe) {
  SamplingFlags flags;
  const std::vector<std::pair<const char*, const char*>> bad = {
      {"temperature", "warm"}, {"temperature", "-1"},  {"temperature", "nan"}, {"top_p", "2"},
      {"top_k", "1.5"},        {"max_tokens", "0"},    {"seed", "-1"},         {"colour", "red"},
      {"temperature", "1x"},   {"max_tokens", "1e9x"}, {"top_p", "inf"}};
  for (const auto& [name, value] : bad)
    EXPECT_FALSE(set_chat_setting(flags, name, value)) << name << " " << value;
  const auto object = chat_settings_object(flags);
  for (const auto& [name, value] : object.items()) EXPECT_TRUE(value.is_null()) << name;
}

}  // namespace
}  // namespace hearth::engine
