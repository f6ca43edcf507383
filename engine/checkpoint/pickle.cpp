#include "engine/checkpoint/pickle.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "engine/checkpoint/unpickler.h"

namespace hearth::engine {
namespace {

using Kind = PickleValue::Kind;

// Sizes or strides; nullopt when they are not a few non-negative integers.
std::optional<std::vector<std::int64_t>> integers_of(const Unpickler& unpickler,
                                                     const PickleValue& tuple) {
  std::vector<std::int64_t> numbers;
  if (tuple.items.size() > PickleLimits::kRankMax) return std::nullopt;
  for (const ValueIndex index : tuple.items) {
    const PickleValue& item = unpickler.value(index);
    if (item.kind != Kind::integer || item.integer < 0) return std::nullopt;
    numbers.push_back(item.integer);
  }
  return numbers;
}

// The sentence's end, or empty: the elements exist, and can be counted.
std::string check_extent(const PickledTensor& tensor) {
  std::uint64_t elements = 1;
  std::uint64_t last = tensor.offset;
  bool is_empty = false;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    const auto size = static_cast<std::uint64_t>(tensor.shape[d]);
    const auto stride = static_cast<std::uint64_t>(tensor.strides[d]);
    is_empty = is_empty || size == 0;
    std::uint64_t reach = 0;
    const bool overflows =
        __builtin_mul_overflow(elements, std::max<std::uint64_t>(size, 1), &elements) ||
        __builtin_mul_overflow(std::max<std::uint64_t>(size, 1) - 1, stride, &reach) ||
        __builtin_add_overflow(last, reach, &last);
    if (overflows || elements >> 56 != 0) return "is too large to address";
  }
  const std::uint64_t end = is_empty ? tensor.offset : last;
  const bool fits = is_empty ? end <= tensor.storage_elements : end < tensor.storage_elements;
  return fits ? ""
              : "reaches past its storage of " + std::to_string(tensor.storage_elements) +
                    " elements";
}

// The sentence's end, or empty.
std::string describe_tensor(const Unpickler& unpickler, const PickleValue& value,
                            PickledTensor& tensor) {
  if (value.kind != Kind::tensor) return "is no tensor";
  const PickleValue& storage = unpickler.value(value.items[0]);
  auto shape = integers_of(unpickler, unpickler.value(value.items[1]));
  auto strides = integers_of(unpickler, unpickler.value(value.items[2]));
  if (!shape || !strides || shape->size() != strides->size() || value.integer < 0) {
    return "has an offset, sizes or strides that are not at most 8 non-negative integers each";
  }
  tensor.dtype = value.dtype;
  tensor.storage = storage.text;
  tensor.storage_elements = static_cast<std::uint64_t>(storage.integer);
  tensor.offset = static_cast<std::uint64_t>(value.integer);
  tensor.shape = std::move(*shape);
  tensor.strides = std::move(*strides);
  return check_extent(tensor);
}

}  // namespace

Result<std::vector<PickledTensor>> read_state_dict(std::span<const std::byte> pickle,
                                                   const std::string& where) {
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorCode::weights_invalid, where + ": " + what + ".");
  };
  if (pickle.size() > PickleLimits::kBytesMax) return invalid("the pickle is larger than 64 MiB");
  Unpickler unpickler(pickle);
  const auto result = unpickler.run();
  if (!result) return invalid(unpickler.error());
  const PickleValue& dict = unpickler.value(*result);
  if (dict.kind != Kind::dict) return invalid("the pickle is no dict of tensors");
  if (dict.items.size() / 2 > PickleLimits::kTensorsMax) {
    return invalid("the pickle holds more than 1000000 tensors");
  }
  std::vector<PickledTensor> tensors;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& key = unpickler.value(dict.items[i]);
    if (key.kind != Kind::text || key.text.size() > PickleLimits::kNameBytesMax) {
      return invalid("the dict has a key that is no name");
    }
    if (!names.insert(key.text).second) return invalid(shown_name(key.text) + " is there twice");
    PickledTensor tensor;
    tensor.name = key.text;
    const std::string fault =
        describe_tensor(unpickler, unpickler.value(dict.items[i + 1]), tensor);
    if (!fault.empty()) return invalid(shown_name(key.text) + " " + fault);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace hearth::engine
