// From events to frames. A delta is written by hand: it is the one message that is sent for every
// token.
#include "server/session/protocol.h"

#include <charconv>
#include <cmath>

namespace hearth::server {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the whole UTF-8 character at the front of text, or 0. RFC 3629: no overlong forms, no
// surrogates, ≤ U+10FFFF.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) {
    return i < text.size() && (byte(i) & 0xc0U) == 0x80;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    const bool is_overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool is_surrogate = first == 0xed && byte(1) > 0x9f;
    return is_overlong || is_surrogate ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool is_overlong = first == 0xf0 && byte(1) < 0x90;
    const bool is_too_large = first == 0xf4 && byte(1) > 0x8f;
    return is_overlong || is_too_large ? 0 : 4;
  }
  return 0;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += "0123456789abcdef"[code >> 4U];
  out += "0123456789abcdef"[code & 15U];
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

// Four decimals are enough for a probability on a page; −∞ (a token that sampling cannot draw) is
// written as a large number.
void append_logprob(std::string& out, float logprob) {
  if (!std::isfinite(logprob)) {
    out += "-9999";
    return;
  }
  char digits[64];
  const auto [end, ec] =
      std::to_chars(digits, digits + sizeof digits, logprob, std::chars_format::fixed, 4);
  out.append(digits, end);
}

template <class List, class Append>
void append_list(std::string& out, const char* key, const List& list, Append append) {
  out += key;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    append(out, list[i]);
  }
  out += ']';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
      append_escape(out, c);
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = character_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string to_frame(const Delta& delta) {
  std::string out;
  out.reserve(128 + delta.text.size() + delta.lp.size() * 12);
  out += R"({"type":"delta","stream":")";
  out += to_string(delta.stream);
  out += R"(","from":)";
  append_number(out, delta.from);
  out += R"(,"to":)";
  append_number(out, delta.to);
  out += R"(,"text":)";
  append_json_string(out, delta.text);
  append_list(out, R"(,"lp":[)", delta.lp, append_logprob);
  append_list(out, R"(,"bytes":[)", delta.bytes,
              [](std::string& text, std::uint32_t bytes) { append_number(text, bytes); });
  if (delta.channel == Channel::reasoning) out += R"(,"channel":"reasoning")";
  out += '}';
  return out;
}

std::string to_frame(const ServerMessage& message) {
  return message.body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace hearth::server
