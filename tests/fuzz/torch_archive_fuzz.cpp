// Any bytes at all, as pytorch_model.bin and as the pickle inside one, must give an error or views
// that lie inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  const auto pickled = hearth::engine::read_state_dict(file, "fuzz");
  if (pickled) {
    for (const auto& tensor : *pickled) {
      if (tensor.shape.size() != tensor.strides.size()) std::abort();
    }
  }
  const auto tensors = hearth::engine::parse_torch_archive(file, "fuzz");
  if (!tensors) return 0;
  for (const auto& [name, view] : *tensors) {
    const bool is_inside = view.bytes.data() >= file.data() &&
                           view.bytes.data() + view.bytes.size() <= file.data() + file.size();
    if (!is_inside || view.num_elements() < 0) std::abort();
  }
  return 0;
}
