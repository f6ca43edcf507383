// Recovery phrases: 128 random bits as eight words that can be read aloud.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/session/crypto.h"
#include "server/session/ids.h"

namespace hearth::server {

// "lusab-babad gutih-tugad …": four pairs. Each word is 16 bits, consonants and vowels in turn
// ("Proquints", Wilkerson 2009).
std::string make_phrase(const RandomBytes& random);

// What is kept of it; nothing for what is no phrase. Case, blanks and hyphens do not matter.
std::optional<Sha256> hash_of_phrase(std::string_view phrase);

}  // namespace hearth::server
