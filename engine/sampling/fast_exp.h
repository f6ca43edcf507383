// exp over a whole row of logits, several at a time.
#pragma once

#include <span>

namespace hearth::engine {

// out[i] = exp(x[i] − shift), relative error below 3e-7 for x[i] ≤ shift; −inf gives 0. Returns the
// sum, in double. out may be x itself.
double exp_row(std::span<const float> x, float shift, std::span<float> out);

// The sum alone.
double sum_exp(std::span<const float> x, float shift);

}  // namespace hearth::engine
