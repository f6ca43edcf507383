// The code that lets people of a room in, and the brake on guessing it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/session/clock.h"
#include "server/session/crypto.h"
#include "server/session/ids.h"

namespace hearth::server {

// "K7MX-4QRT": 40 random bits, without letters and digits that look alike.
std::string make_join_code(const RandomBytes& random);

// Service's thread. Only its hash is kept, compared in constant time. Wrong tries are
// bounded for each address: a class of forty behind one may all mistype once, then one try every
// two seconds. Above the bound even the right code is refused, so that an answer tells a guesser
// nothing. Nobody can lock others out, and 2⁴⁰ codes need no bound over all.
class JoinCode {
 public:
  JoinCode(std::string_view code, Clock clock);

  enum class Verdict { right, wrong, too_many_tries };
  Verdict check(std::string_view code, const std::string& peer);

 private:
  Sha256 hash_;
  Clock clock_;
  struct Tries {
    double left = 0.0;
    Instant last;
  };
  Tries& tries_of(const std::string& peer, Instant now);

  std::unordered_map<std::string, Tries> by_peer_;
};

}  // namespace hearth::server
