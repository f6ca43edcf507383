#include "engine/text/vocabulary.h"

#include <algorithm>
#include <cstring>

namespace hearth::engine {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 30;

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 32;
  value *= 0xD6E8FEB86659FD93U;  // rrmxmx's constant (P. Evensen)
  return value ^ value >> 29;
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = 0x9E3779B97F4A7C15U ^ bytes.size();
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = mix(hash ^ word) * 0x9FB21C651E98DF25U;
    bytes.remove_prefix(8);
  }
  std::uint64_t word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  return mix(mix(hash ^ word));
}

bool Vocabulary::add(std::string_view token, TokenId id) {
  if (id < 0 || id >= kTokenIdEnd) return false;
  if (token.size() > kBytesMax - bytes_.size()) return false;
  const auto index = static_cast<std::size_t>(id);
  if (index < entries_.size() && entries_[index].used) return false;
  if (find(token)) return false;
  if (2 * (num_entries_ + 1) > slots_.size()) grow();
  if (index >= entries_.size()) entries_.resize(index + 1);
  entries_[index] = {static_cast<std::uint32_t>(bytes_.size()),
                     static_cast<std::uint32_t>(token.size()), true};
  bytes_.append(token);
  const auto hash = static_cast<std::uint32_t>(hash_bytes(token));
  slots_[find_slot(token, hash)] = {hash, id};
  ++num_entries_;
  return true;
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[find_slot(token, static_cast<std::uint32_t>(hash_bytes(token)))];
  return slot.id < 0 ? std::nullopt : std::optional<TokenId>(slot.id);
}

std::optional<std::string_view> Vocabulary::token(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= entries_.size()) return std::nullopt;
  if (!entries_[static_cast<std::size_t>(id)].used) return std::nullopt;
  return text(id);
}

std::string_view Vocabulary::text(TokenId id) const {
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return std::string_view(bytes_).substr(entry.begin, entry.bytes);
}

// The slot that holds the token, or the free one where it belongs.
std::size_t Vocabulary::find_slot(std::string_view token, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].id >= 0 && (slots_[at].hash != hash || text(slots_[at].id) != token)) {
    at = (at + 1) & mask;
  }
  return at;
}

void Vocabulary::grow() {
  std::vector<Slot> old(std::max<std::size_t>(64, 2 * slots_.size()));
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].id >= 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace hearth::engine
