#include "engine/checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/checkpoint/safetensors_header.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kLfsPrefix = "version https://git-lfs";

std::uint64_t little_endian_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

// Bits of a tensor, or nullopt when they do not fit 62 bits. Zero-sized dimensions are legal, but
// must not hide an overflow of the others: strides are their product.
std::optional<std::uint64_t> bits_of(const SafetensorsEntry& entry) {
  auto bits = static_cast<std::uint64_t>(bits_of(entry.dtype));
  bool is_empty = false;
  for (const std::uint64_t size : entry.shape) {
    is_empty = is_empty || size == 0;
    if (__builtin_mul_overflow(bits, std::max<std::uint64_t>(size, 1), &bits)) return std::nullopt;
  }
  if (bits >> 62 != 0) return std::nullopt;
  return is_empty ? 0 : bits;
}

// Rule 6 of models §9.2. The sentence's end, or empty.
std::string check_size(const SafetensorsEntry& entry) {
  const auto bits = bits_of(entry);
  if (!bits) return "is too large to address";
  if (*bits % 8 != 0) return "does not fill whole bytes";
  const std::uint64_t bytes = entry.end - entry.begin;
  if (*bits / 8 != bytes) {
    return "needs " + std::to_string(*bits / 8) + " bytes but spans " + std::to_string(bytes);
  }
  return {};
}

TensorView view_of(const SafetensorsEntry& entry, std::span<const std::byte> data) {
  TensorView view;
  view.dtype = entry.dtype;
  view.shape.assign(entry.shape.begin(), entry.shape.end());
  view.strides = contiguous_strides(view.shape);
  view.bytes = data.subspan(entry.begin, entry.end - entry.begin);
  return view;
}

}  // namespace

Result<std::vector<NamedTensor>> parse_safetensors(std::span<const std::byte> file,
                                                   const std::string& where) {
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorCode::weights_invalid, where + ": " + what + ".");
  };
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with(kLfsPrefix)) {
    return fail(ErrorCode::weights_are_lfs_pointer,
                where +
                    " is a git-lfs pointer and not the weights themselves; "
                    "run `git lfs pull` in the model's folder.");
  }
  if (file.size() < kLengthBytes) return invalid("the file is shorter than 8 bytes");
  const std::uint64_t header_bytes = little_endian_u64(file);
  if (header_bytes > SafetensorsLimits::kHeaderBytesMax) {
    return invalid("the header claims " + std::to_string(header_bytes) +
                   " bytes, more than the 100000000 allowed");
  }
  if (header_bytes > file.size() - kLengthBytes) {
    return invalid("the header claims " + std::to_string(header_bytes) +
                   " bytes but the file has only " + std::to_string(file.size()));
  }
  auto entries = parse_safetensors_header(text.substr(kLengthBytes, header_bytes), where);
  if (!entries) return tl::unexpected(std::move(entries.error()));

  std::stable_sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  const auto data = file.subspan(kLengthBytes + header_bytes);
  std::uint64_t end = 0;
  for (const SafetensorsEntry& entry : *entries) {
    if (entry.begin != end) {
      return invalid("tensor \"" + entry.name + "\" begins at byte " + std::to_string(entry.begin) +
                     " where " + std::to_string(end) + " was expected (no gaps, no overlaps)");
    }
    if (auto wrong = check_size(entry); !wrong.empty()) {
      return invalid("tensor \"" + entry.name + "\" " + wrong);
    }
    end = entry.end;
  }
  if (end != data.size()) {
    return invalid("the tensors need " + std::to_string(end) + " bytes behind the header but " +
                   std::to_string(data.size()) + " are there; the file is " +
                   (end > data.size() ? "truncated" : "too long"));
  }
  std::vector<NamedTensor> tensors;
  tensors.reserve(entries->size());
  for (SafetensorsEntry& entry : *entries) {
    tensors.push_back({entry.name, view_of(entry, data)});
  }
  return tensors;
}

}  // namespace hearth::engine
