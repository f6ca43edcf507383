#include "engine/text/regex.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kPatternBytesMax = 64 * 1024;
// Per match attempt. The patterns in use need about one step per character matched.
constexpr std::uint32_t kMatchStepsMax = 20'000'000;
constexpr std::uint32_t kDepthMax = 1'000'000;
constexpr std::uint32_t kHeapKilobytesMax = 256 * 1024;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CodePtr = std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>>;
using MatchDataPtr = std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>>;
using ContextPtr = std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>>;

// What a search needs besides the pattern, one per thread: making it anew would cost more than a
// short search.
struct Workspace {
  Workspace()
      : data(pcre2_match_data_create(1, nullptr)), context(pcre2_match_context_create(nullptr)) {
    if (!data) throw std::bad_alloc();
    if (!context) throw std::bad_alloc();
    pcre2_set_match_limit(context.get(), kMatchStepsMax);
    pcre2_set_depth_limit(context.get(), kDepthMax);
    pcre2_set_heap_limit(context.get(), kHeapKilobytesMax);
  }
  MatchDataPtr data;
  ContextPtr context;
};

Workspace& workspace() {
  thread_local Workspace of_this_thread;
  return of_this_thread;
}

}  // namespace

struct Regex::Code {
  CodePtr code;
  bool has_jit = false;

  // Throws LimitReached.
  bool match(std::string_view text, std::size_t at, Workspace& space) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    if (has_jit) {
      found = pcre2_jit_match(code.get(), subject, text.size(), at, 0, space.data.get(),
                              space.context.get());
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {  // the interpreter keeps its stack on the heap
      found = pcre2_match(code.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                          space.data.get(), space.context.get());
    }
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) throw LimitReached();
    return found >= 0;
  }
};

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return fail(ErrorCode::tokenizer_invalid, "A pattern has more than 64 KiB.");
  }
  const Result<std::string> translated = to_pcre2(pattern);
  if (!translated) return tl::unexpected<Error>(translated.error());
  int error = 0;
  std::size_t offset = 0;
  // Without start optimisations a pattern that cannot start here would still be tried everywhere:
  // keep them.
  auto code = std::make_shared<Code>();
  code->code.reset(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
  if (!code->code) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return fail(ErrorCode::tokenizer_invalid,
                "The pattern \"" + std::string(pattern) + "\" cannot be compiled: " +
                    reinterpret_cast<const char*>(message.data()) + '.');
  }
  code->has_jit = pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE) == 0;
  return Regex(std::move(code));
}

void Regex::find_all(std::string_view text, std::vector<TextRange>& matches) const {
  Workspace& space = workspace();
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(space.data.get());
  std::size_t at = 0;
  while (at < text.size() && code_->match(text, at, space)) {
    if (range[1] <= range[0]) {  // empty, or reordered by \K: pass over one character
      at = std::max<std::size_t>(range[0], at);
      if (at < text.size()) at += decode_utf8(text, at).bytes;
      continue;
    }
    matches.push_back({range[0], range[1]});
    at = range[1];
  }
}

}  // namespace hearth::engine
