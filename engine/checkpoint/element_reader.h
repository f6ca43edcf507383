// Single elements of a tensor as numbers, whatever their type and alignment.
#pragma once

#include <cstddef>

#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

using ElementReader = double (*)(const std::byte*);

// nullptr for types without numbers (complex ones, less than 8 bits, exponents alone).
ElementReader element_reader(Dtype dtype);

}  // namespace hearth::engine
