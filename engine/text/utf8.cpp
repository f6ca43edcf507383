#include "engine/text/utf8.h"

#include <algorithm>

namespace hearth::engine {
namespace {

struct Lead {
  std::size_t length = 0;  // 0: no character starts with this byte
  unsigned char min_second = 0x80;
  unsigned char max_second = 0xBF;
};

constexpr Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

std::size_t ascii_run(std::string_view bytes, std::size_t at) {
  const std::size_t begin = at;
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) < 0x80) ++at;
  return at - begin;
}

}  // namespace

void append_utf8(std::string& out, char32_t value) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6);
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

Utf8Sequence next_sequence(std::string_view bytes, std::size_t at) {
  using Kind = Utf8Sequence::Kind;
  const Lead lead = lead_of(static_cast<unsigned char>(bytes[at]));
  if (lead.length == 0) return {Kind::invalid, 1};
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (at + i == bytes.size()) return {Kind::incomplete, i};
    const auto byte = static_cast<unsigned char>(bytes[at + i]);
    const unsigned char low = i == 1 ? lead.min_second : 0x80;
    const unsigned char high = i == 1 ? lead.max_second : 0xBF;
    if (byte < low || byte > high) return {Kind::invalid, i};
  }
  return {Kind::valid, lead.length};
}

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t at = ascii_run(bytes, 0); at < bytes.size(); at += ascii_run(bytes, at)) {
    const Utf8Sequence next = next_sequence(bytes, at);
    if (next.kind != Utf8Sequence::Kind::valid) return false;
    at += next.bytes;
  }
  return true;
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  Utf8Stream stream;
  stream.push(bytes, out);
  stream.finish(out);
  return out;
}

void Utf8Stream::push(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  while (num_held_ > 0 && at < bytes.size()) {
    held_[num_held_] = bytes[at];
    const Utf8Sequence next = next_sequence({held_.data(), num_held_ + 1}, 0);
    if (next.kind == Utf8Sequence::Kind::invalid) {
      out += kReplacementCharacter;  // without the new byte, which may begin a character
      num_held_ = 0;
      break;
    }
    ++num_held_;
    ++at;
    if (next.kind == Utf8Sequence::Kind::valid) {
      out.append(held_.data(), num_held_);
      num_held_ = 0;
    }
  }
  while (at < bytes.size()) {
    const std::size_t ascii = ascii_run(bytes, at);
    out.append(bytes, at, ascii);
    at += ascii;
    if (at == bytes.size()) return;
    const Utf8Sequence next = next_sequence(bytes, at);
    if (next.kind == Utf8Sequence::Kind::incomplete) {
      std::copy_n(bytes.data() + at, next.bytes, held_.data());
      num_held_ = next.bytes;
      return;
    }
    if (next.kind == Utf8Sequence::Kind::valid) {
      out.append(bytes, at, next.bytes);
    } else {
      out += kReplacementCharacter;
    }
    at += next.bytes;
  }
}

void Utf8Stream::finish(std::string& out) {
  if (num_held_ > 0) out += kReplacementCharacter;
  num_held_ = 0;
}

}  // namespace hearth::engine
