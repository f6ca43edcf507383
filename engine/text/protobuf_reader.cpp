#include "engine/text/protobuf_reader.h"

#include <cstring>

namespace hearth::engine {

bool ProtobufReader::take_varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  failed_ = true;
  return false;
}

bool ProtobufReader::take(std::size_t count, std::string_view& bytes) {
  if (count > rest_.size()) {
    failed_ = true;
    return false;
  }
  bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return true;
}

bool ProtobufReader::next() {
  if (rest_.empty() || failed_) return false;
  std::uint64_t key = 0;
  if (!take_varint(key)) return false;
  number_ = 0;
  fixed_ = 0;
  bytes_ = {};
  field_ = static_cast<std::uint32_t>(key >> 3);
  std::string_view raw;
  switch (key & 7U) {
    case 0:
      return take_varint(number_);
    case 1:
      return take(8, raw);
    case 2: {
      std::uint64_t size = 0;
      return take_varint(size) && take(static_cast<std::size_t>(size), bytes_);
    }
    case 5:
      if (!take(4, raw)) return false;
      std::memcpy(&fixed_, raw.data(), sizeof fixed_);
      return true;
    default:
      failed_ = true;
      return false;
  }
}

std::int32_t ProtobufReader::integer() const {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(number_));
}

float ProtobufReader::real() const {
  float value = 0.0F;
  std::memcpy(&value, &fixed_, sizeof value);
  return value;
}

}  // namespace hearth::engine
