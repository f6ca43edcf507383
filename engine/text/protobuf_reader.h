// Walks the fields of one protobuf message. Only what tokenizer.model needs: no groups, no schema.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hearth::engine {

// while (reader.next()) switch (reader.field()) …; then failed() says whether the bytes were a
// message. The bytes must outlive the reader and the views it hands out.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // Moves to the next field. False at the end, and at the first thing that is no protobuf.
  bool next();
  bool failed() const { return failed_; }

  std::uint32_t field() const { return field_; }

  // The field's value; 0 or empty when it has another wire type.
  std::uint64_t number() const { return number_; }  // varint
  bool boolean() const { return number_ != 0; }
  std::int32_t integer() const;                      // varint, int32
  float real() const;                                // 32 bits
  std::string_view bytes() const { return bytes_; }  // length-delimited

 private:
  bool take_varint(std::uint64_t& value);
  bool take(std::size_t count, std::string_view& bytes);

  std::string_view rest_;
  bool failed_ = false;
  std::uint32_t field_ = 0;
  std::uint64_t number_ = 0;
  std::uint32_t fixed_ = 0;
  std::string_view bytes_;
};

}  // namespace hearth::engine
