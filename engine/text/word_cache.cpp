#include "engine/text/word_cache.h"

#include <algorithm>

#include "engine/text/vocabulary.h"

namespace hearth::engine {

WordCache& WordCache::of_this_thread() {
  thread_local WordCache cache;
  return cache;
}

std::size_t WordCache::index_of(std::uint32_t owner, std::string_view word) {
  return static_cast<std::size_t>(hash_bytes(word) + owner * 0x9E3779B97F4A7C15U) % kNumEntries;
}

std::span<const TokenId> WordCache::find(std::uint32_t owner, std::string_view word) {
  const Entry& entry = entries_[index_of(owner, word)];
  if (entry.owner != owner) return {};
  if (std::string_view(entry.word.data(), entry.num_bytes) != word) return {};
  return {entry.ids.data(), entry.num_ids};
}

void WordCache::put(std::uint32_t owner, std::string_view word, std::span<const TokenId> ids) {
  if (word.size() > kWordBytesMax || ids.empty() || ids.size() > kIdsMax) return;
  Entry& entry = entries_[index_of(owner, word)];
  entry.owner = owner;
  entry.num_bytes = static_cast<std::uint8_t>(word.size());
  entry.num_ids = static_cast<std::uint8_t>(ids.size());
  std::copy(word.begin(), word.end(), entry.word.begin());
  std::copy(ids.begin(), ids.end(), entry.ids.begin());
}

}  // namespace hearth::engine
