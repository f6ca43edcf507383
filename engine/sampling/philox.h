// Random numbers without state: the same seed and position give the same number on every machine
// and device, in any order. Philox4x32-10, "Parallel Random Numbers: As Easy as 1, 2, 3", Salmon et
// al. 2011.
#pragma once

#include <array>
#include <cstdint>

namespace hearth::engine {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

// Uniform in [0, 1), a multiple of 2⁻²⁴, so that a float holds it exactly. position: of the token
// in its sequence, prompt included.
float uniform_at(std::uint64_t seed, std::uint64_t position);

}  // namespace hearth::engine
