#include "server/api/join_code.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <openssl/crypto.h>

namespace hearth::server {
namespace {

constexpr std::string_view kAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
static_assert(kAlphabet.size() == 32);
constexpr std::size_t kPeersMax = 4096;
constexpr double kTriesBurst = 40.0;
constexpr double kTriesPerSecond = 0.5;

// People type small letters, spaces and no hyphen.
std::string normalised(std::string_view code) {
  std::string out;
  for (const char c : code) {
    if (c != '-' && c != ' ') out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace

std::string make_join_code(const RandomBytes& random) {
  std::array<std::uint8_t, 8> bytes{};
  random(bytes);
  std::string code;
  for (const std::uint8_t byte : bytes) {
    if (code.size() == 4) code += '-';
    code += kAlphabet[byte % kAlphabet.size()];
  }
  return code;
}

JoinCode::JoinCode(std::string_view code, Clock clock)
    : hash_(sha256(normalised(code))), clock_(std::move(clock)) {}

JoinCode::Tries& JoinCode::tries_of(const std::string& peer, Instant now) {
  if (by_peer_.size() >= kPeersMax && !by_peer_.contains(peer)) {
    // Who has been quiet longest has the most tries again; nobody else's brake is let go.
    by_peer_.erase(std::min_element(
        by_peer_.begin(), by_peer_.end(),
        [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
  }
  Tries& tries = by_peer_.try_emplace(peer, Tries{kTriesBurst, now}).first->second;
  const double seconds = std::chrono::duration<double>(now - tries.last).count();
  tries.left = std::min(kTriesBurst, tries.left + seconds * kTriesPerSecond);
  tries.last = now;
  return tries;
}

JoinCode::Verdict JoinCode::check(std::string_view code, const std::string& peer) {
  Tries& tries = tries_of(peer, clock_.now());
  if (tries.left < 1.0) return Verdict::too_many_tries;
  const Sha256 given = sha256(normalised(code));
  if (CRYPTO_memcmp(given.data(), hash_.data(), hash_.size()) == 0) return Verdict::right;
  tries.left -= 1.0;
  return Verdict::wrong;
}

}  // namespace hearth::server
