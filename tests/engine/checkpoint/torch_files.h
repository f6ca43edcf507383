// Writes what torch.save writes, and what an attacker might: pickles opcode by opcode, zip files
// field by field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine::testing {

inline std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFFU);
  return text;
}

// Appends opcodes; protocol 2 unless begun otherwise.
class PickleWriter {
 public:
  PickleWriter& raw(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  PickleWriter& text(std::string_view value) {
    return raw("X").raw(little_endian(value.size(), 4)).raw(value);
  }
  PickleWriter& integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      return raw("K").raw(little_endian(static_cast<std::uint64_t>(value), 1));
    }
    return raw("\x8A\x08").raw(little_endian(static_cast<std::uint64_t>(value), 8));
  }
  PickleWriter& global(std::string_view module, std::string_view name) {
    return raw("c").raw(module).raw("\n").raw(name).raw("\n");
  }
  PickleWriter& integers(const std::vector<std::int64_t>& values) {
    raw("(");
    for (const std::int64_t value : values) integer(value);
    return raw("t");
  }
  PickleWriter& storage(std::string_view type, std::string_view key, std::int64_t elements) {
    raw("(").text("storage").global("torch", type).text(key).text("cpu").integer(elements);
    return raw("tQ");
  }
  PickleWriter& ordered_dict() { return global("collections", "OrderedDict").raw(")R"); }

  // key → _rebuild_tensor_v2(storage, offset, sizes, strides, False, OrderedDict())
  struct Tensor {
    std::string type = "FloatStorage";
    std::string key = "0";
    std::int64_t elements = 6;
    std::int64_t offset = 0;
    std::vector<std::int64_t> sizes = {2, 3};
    std::vector<std::int64_t> strides = {3, 1};
  };
  PickleWriter& tensor(const Tensor& t) {
    global("torch._utils", "_rebuild_tensor_v2").raw("(").storage(t.type, t.key, t.elements);
    return integer(t.offset).integers(t.sizes).integers(t.strides).raw("\x89").ordered_dict().raw(
        "tR");
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_ = "\x80\x02";
};

inline std::string one_tensor_pickle(const PickleWriter::Tensor& tensor) {
  return PickleWriter().raw("}").text("w").tensor(tensor).raw("s.").bytes();
}

struct ZipEntry {
  std::string name;
  std::string data;
  std::uint16_t method = 0;
  std::uint16_t flags = 0x0808;  // as torch: sizes behind the data, UTF-8 names
  std::string local_name = {};   // empty: the same
  std::int64_t size_lie = 0;     // added to the directory's sizes
  bool uses_64 = false;          // sizes and place in the 64-bit extension
};

class ZipWriter {
 public:
  std::uint16_t disk = 0;
  std::int64_t count_lie = 0;  // added to the number of records
  std::int64_t begin_lie = 0;  // added to the directory's place
  std::string comment;
  bool uses_64 = false;  // an end record of 64 bits

  void add(ZipEntry entry) { entries_.push_back(std::move(entry)); }

  std::string bytes() const {
    std::string file;
    std::string directory;
    for (const ZipEntry& entry : entries_) {
      const std::string extra = entry.uses_64 ? extension(entry, file.size()) : std::string();
      directory += directory_entry(entry, file.size(), extra);
      file += local_entry(entry);
    }
    const std::uint64_t begin = file.size();
    file += directory;
    if (uses_64) file += end_64(begin, directory.size(), file.size());
    const auto count =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(entries_.size()) + count_lie);
    file += "PK\x05\x06" + little_endian(disk, 2) + little_endian(disk, 2);
    file += little_endian(count, 2) + little_endian(count, 2);
    file += little_endian(directory.size(), 4);
    file += little_endian(uses_64 ? 0xFFFFFFFFU : shifted(begin), 4);
    return file + little_endian(comment.size(), 2) + comment;
  }

 private:
  std::uint64_t shifted(std::uint64_t begin) const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(begin) + begin_lie);
  }
  static std::string extension(const ZipEntry& entry, std::uint64_t at) {
    return little_endian(1, 2) + little_endian(24, 2) + little_endian(entry.data.size(), 8) +
           little_endian(entry.data.size(), 8) + little_endian(at, 8);
  }
  static std::string directory_entry(const ZipEntry& entry, std::uint64_t at,
                                     const std::string& extra) {
    const auto size = entry.uses_64
                          ? 0xFFFFFFFFU
                          : static_cast<std::uint64_t>(
                                static_cast<std::int64_t>(entry.data.size()) + entry.size_lie);
    std::string text = "PK\x01\x02" + little_endian(0, 4) + little_endian(entry.flags, 2);
    text += little_endian(entry.method, 2) + little_endian(0, 8);
    text += little_endian(size, 4) + little_endian(size, 4);
    text += little_endian(entry.name.size(), 2) + little_endian(extra.size(), 2);
    text += little_endian(0, 10);
    text += little_endian(entry.uses_64 ? 0xFFFFFFFFU : at, 4);
    return text + entry.name + extra;
  }
  static std::string local_entry(const ZipEntry& entry) {
    const std::string& name = entry.local_name.empty() ? entry.name : entry.local_name;
    std::string text("PK\x03\x04");
    text += little_endian(0, 2) + little_endian(entry.flags, 2) + little_endian(entry.method, 2);
    text += little_endian(0, 16) + little_endian(name.size(), 2) + little_endian(4, 2);
    return text + name + "FB" + little_endian(0, 2) + entry.data;
  }
  std::string end_64(std::uint64_t begin, std::uint64_t bytes, std::uint64_t at) const {
    const auto count = static_cast<std::uint64_t>(entries_.size());
    std::string text = "PK\x06\x06" + little_endian(44, 8) + little_endian(0, 4);
    text += little_endian(0, 8) + little_endian(count, 8) + little_endian(count, 8);
    text += little_endian(bytes, 8) + little_endian(shifted(begin), 8);
    return text + "PK\x06\x07" + little_endian(0, 4) + little_endian(at, 8) + little_endian(1, 4);
  }

  std::vector<ZipEntry> entries_;
};

// The smallest file torch.save could have written: one 2 × 3 tensor, 0 to 5.
inline ZipWriter torch_archive(const std::string& pickle) {
  std::string floats;
  for (const std::uint32_t bits :
       {0U, 0x3F800000U, 0x40000000U, 0x40400000U, 0x40800000U, 0x40A00000U}) {
    floats += little_endian(bits, 4);
  }
  ZipWriter zip;
  zip.add({"archive/data.pkl", pickle});
  zip.add({"archive/byteorder", "little"});
  zip.add({"archive/data/0", floats});
  zip.add({"archive/version", "3\n"});
  return zip;
}

}  // namespace hearth::engine::testing
