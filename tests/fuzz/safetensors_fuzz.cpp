// Any bytes at all must give an error or views that lie inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = hearth::engine::parse_safetensors(file, "fuzz");
  if (!tensors) return 0;
  for (const auto& [name, view] : *tensors) {
    const bool is_inside = view.bytes.data() >= file.data() &&
                           view.bytes.data() + view.bytes.size() <= file.data() + file.size();
    const auto bits = static_cast<std::uint64_t>(view.num_elements()) *
                      static_cast<std::uint64_t>(bits_of(view.dtype));
    if (!is_inside || bits != view.bytes.size() * 8) std::abort();
  }
  return 0;
}
