// Encoding and decoding speed of a folder's tokenizer on one thread, and how the time grows on
// hostile text.
//   tokenizer_bench --model DIR FILE…     MB/s per file: median, min and max of the rounds, after
//   two that are not counted tokenizer_bench --model DIR --hostile  processor time (least of ten)
//   per doubling of the input, 64 KiB to 1 MiB, of texts made to be slow
// bench/tokenizer_peer.mjs times the tokenizers library on the same files; equal hashes mean equal
// ids.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/stream_decoder.h"
#include "engine/text/tokenizer.h"

namespace {

using hearth::TokenId;
using hearth::engine::Tokenizer;

constexpr int kRounds = 15;
constexpr std::size_t kKibibyte = 1024;

template <class Work>
double seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The same in processor time of this thread: growth is the algorithm's, not that of other programs
// on the machine.
template <class Work>
double cpu_seconds(Work work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double begin = now();
  work();
  return now() - begin;
}

template <class Work>
std::vector<double> measure(int rounds, Work work) {
  work();
  work();
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(seconds(work));
  std::sort(times.begin(), times.end());
  return times;
}

// FNV-1a over the ids as 32-bit little-endian numbers, as in tokenizer_peer.mjs.
std::uint32_t hash_of(const std::vector<TokenId>& ids) {
  std::uint32_t hash = 2166136261U;
  for (const TokenId id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      hash ^= static_cast<std::uint32_t>(id) >> shift & 0xFFU;
      hash *= 16777619U;
    }
  }
  return hash;
}

void print_speed(const char* what, std::size_t bytes, const std::vector<double>& times) {
  const double megabytes = static_cast<double>(bytes) / 1e6;
  std::printf("  %-8s MB/s median %.1f min %.1f max %.1f\n", what,
              megabytes / times[times.size() / 2], megabytes / times.back(),
              megabytes / times.front());
}

// Pieces of about 4 KiB, cut behind newlines: what one message is.
std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (pieces.back().size() >= 4 * kKibibyte) pieces.emplace_back();
    pieces.back().append(text, at, end - at);
    at = end;
  }
  return pieces;
}

void bench_file(const std::shared_ptr<const Tokenizer>& tokenizer, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::vector<TokenId> ids;
  const auto encode = measure(kRounds, [&] { ids = tokenizer->encode(text).value(); });
  const std::vector<std::string> pieces = pieces_of(text);
  const auto in_pieces = measure(kRounds, [&] {
    for (const std::string& piece : pieces) ids = tokenizer->encode(piece).value();
  });
  ids = tokenizer->encode(text).value();
  std::size_t decoded = 0;
  const auto decode = measure(kRounds, [&] { decoded = tokenizer->decode(ids, false).size(); });
  const auto stream = measure(kRounds, [&] {
    hearth::engine::StreamDecoder decoder(tokenizer, false);
    decoded = 0;
    for (const TokenId id : ids) decoded += decoder.push(id).size();
    decoded += decoder.finish().size();
  });
  std::printf("%s: %zu bytes, %zu ids, hash %08x\n", path.c_str(), text.size(), ids.size(),
              hash_of(ids));
  print_speed("encode", text.size(), encode);
  print_speed("pieces", text.size(), in_pieces);
  print_speed("decode", decoded, decode);
  print_speed("stream", decoded, stream);
}

std::string repeat(std::string_view piece, std::size_t bytes) {
  std::string text;
  while (text.size() + piece.size() <= bytes) text += piece;
  return text;
}

// No two neighbouring words alike, so that no cache helps, and no place to cut.
std::string letters(std::size_t bytes) {
  std::uint32_t state = 1;
  std::string text;
  while (text.size() < bytes) {
    state = state * 1664525U + 1013904223U;
    text += static_cast<char>('a' + (state >> 16) % 26);
  }
  return text;
}

int bench_hostile(const Tokenizer& tokenizer) {
  const std::vector<std::pair<const char*, std::string_view>> pieces = {
      {"one letter", "a"},
      {"spaces", " "},
      {"newlines", "\n"},
      {"spaces, then a letter", "                                a"},
      {"combining marks", "e\u0301\u0316\u0301\u0316"},
      {"marks alone, out of order", "\u0301\u0316"},
      {"joined emoji", "👨‍👩‍👧‍👦"},
      {"Hangul jamo", "\u1100\u1161\u11a8"},
      {"digits", "1234567890"},
      {"punctuation", "=!"},
      {"apostrophes", "'s'S"},
      {"begun special tokens", "<|im_start|<|im_end|<|"},
      {"special tokens", "<|im_start|><|im_end|>"},
      {"bytes that are not UTF-8", "\xFF\xE4\xBD"}};
  double worst = 0;
  for (std::size_t i = 0; i <= pieces.size(); ++i) {
    const bool random = i == pieces.size();
    std::printf("%-28s", random ? "random letters" : pieces[i].first);
    double previous = 0;
    for (std::size_t size = 64 * kKibibyte; size <= 1024 * kKibibyte; size *= 2) {
      const std::string text = random ? letters(size) : repeat(pieces[i].second, size);
      double time = cpu_seconds([&] { (void)tokenizer.encode(text); });
      for (int round = 0; round < 9; ++round) {
        time = std::min(time, cpu_seconds([&] { (void)tokenizer.encode(text); }));
      }
      std::printf(" %8.2f ms", time * 1e3);
      if (previous > 0) {
        std::printf(" (x%.2f)", time / previous);
        worst = std::max(worst, time / previous);
      }
      previous = time;
    }
    std::printf("\n");
  }
  std::printf("worst growth per doubling: %.2f (allowed: 2.5)\n", worst);
  return worst < 2.5 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 3 || args[0] != "--model") {
    std::fprintf(stderr, "usage: tokenizer_bench --model DIR (FILE… | --hostile)\n");
    return 2;
  }
  const double load = seconds([&] { Tokenizer::load(args[1]).has_value(); });
  const auto tokenizer = Tokenizer::load(args[1]);
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", tokenizer.error().detail.c_str());
    return 1;
  }
  std::printf("load %.0f ms\n", load * 1e3);
  if (args[2] == "--hostile") return bench_hostile(**tokenizer);
  for (std::size_t i = 2; i < args.size(); ++i) bench_file(*tokenizer, args[i]);
  return 0;
}
