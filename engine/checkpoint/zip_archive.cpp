#include "engine/checkpoint/zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace hearth::engine {
namespace {

// Signatures and sizes of PKWARE's APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.
constexpr std::uint32_t kLocalHeader = 0x04034B50;
constexpr std::uint32_t kDirectoryEntry = 0x02014B50;
constexpr std::uint32_t kEnd = 0x06054B50;
constexpr std::uint32_t kEnd64 = 0x06064B50;
constexpr std::uint32_t kLocator64 = 0x07064B50;
constexpr std::size_t kLocalHeaderBytes = 30;
constexpr std::size_t kDirectoryEntryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kCommentBytesMax = 65535;
constexpr std::uint64_t kIn64 = 0xFFFFFFFF;  // the value is in the 64-bit extension
constexpr std::uint16_t kExtension64 = 1;

// Little-endian numbers at places that the caller has checked.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t size() const { return bytes_.size(); }
  bool has(std::uint64_t at, std::uint64_t count) const {
    return at <= bytes_.size() && count <= bytes_.size() - at;
  }
  std::uint16_t u16(std::uint64_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::uint64_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u64(std::uint64_t at) const { return number(at, 8); }
  std::string_view text(std::uint64_t at, std::size_t count) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, count};
  }
  std::span<const std::byte> part(std::uint64_t at, std::uint64_t count) const {
    return bytes_.subspan(at, count);
  }

 private:
  std::uint64_t number(std::uint64_t at, std::size_t count) const {
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at + i]);
    }
    return value;
  }

  std::span<const std::byte> bytes_;
};

struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
  std::uint64_t num_records = 0;
};

// A record as the directory tells it.
struct Entry {
  std::string_view name;
  std::uint64_t header = 0;  // where its local header begins
  std::uint64_t bytes = 0;
  std::uint64_t next = 0;  // the next entry
};

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> file, const std::string& where)
      : file_(file), where_(where) {}

  Result<std::vector<ZipRecord>> read() {
    const auto directory = find_directory();
    if (!directory) return tl::unexpected(directory.error());
    std::vector<ZipRecord> records;
    std::unordered_set<std::string_view> names;
    std::uint64_t at = directory->begin;
    for (std::uint64_t i = 0; i < directory->num_records; ++i) {
      const auto entry = read_entry(at, directory->begin + directory->bytes);
      if (!entry) return tl::unexpected(entry.error());
      auto record = find_record(*entry, directory->begin);
      if (!record) return tl::unexpected(record.error());
      if (!names.insert(entry->name).second) {
        return invalid("the record \"" + shown(entry->name) + "\" is there twice");
      }
      records.push_back(std::move(*record));
      at = entry->next;
    }
    if (at != directory->begin + directory->bytes) {
      return invalid("the zip directory is longer than its records");
    }
    if (overlap(records)) return invalid("records of the zip file overlap");
    return records;
  }

 private:
  tl::unexpected<Error> invalid(const std::string& what) const {
    return fail(ErrorCode::weights_invalid, where_ + ": " + what + ".");
  }

  static std::string shown(std::string_view name) {
    std::string text(name.substr(0, 80));
    for (char& c : text) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
    }
    return text;
  }

  // The end record may have a comment behind it.
  std::optional<std::uint64_t> find_end() const {
    if (file_.size() < kEndBytes) return std::nullopt;
    const std::uint64_t last = file_.size() - kEndBytes;
    const std::uint64_t first = last > kCommentBytesMax ? last - kCommentBytesMax : 0;
    for (std::uint64_t at = last + 1; at-- > first;) {
      if (file_.u32(at) == kEnd && at + kEndBytes + file_.u16(at + 20) == file_.size()) return at;
    }
    return std::nullopt;
  }

  Result<Directory> find_directory() const {
    const auto end = find_end();
    if (!end) return invalid("the zip file has no directory at its end; it is truncated");
    Directory directory{file_.u32(*end + 16), file_.u32(*end + 12), file_.u16(*end + 10)};
    const bool one_disk = file_.u16(*end + 4) == 0 && file_.u16(*end + 6) == 0;
    if (!one_disk || file_.u16(*end + 8) != directory.num_records) {
      return invalid("the zip file is one of several parts");
    }
    const bool is_64 =
        directory.begin == kIn64 || directory.bytes == kIn64 || directory.num_records == 0xFFFF;
    std::uint64_t limit = *end;
    if (is_64) {
      const auto wide = find_directory_64(*end);
      if (!wide) return tl::unexpected(wide.error());
      limit = wide->second;
      directory = wide->first;
    }
    if (directory.num_records > ZipLimits::kRecordsMax) {
      return invalid("the zip file has more than 1000000 records");
    }
    if (directory.begin > limit || directory.bytes > limit - directory.begin) {
      return invalid("the zip directory lies outside the file");
    }
    return directory;
  }

  // With where the end record of 64 bits begins.
  Result<std::pair<Directory, std::uint64_t>> find_directory_64(std::uint64_t end) const {
    if (end < kLocator64Bytes || file_.u32(end - kLocator64Bytes) != kLocator64) {
      return invalid("the zip file's 64-bit locator is missing");
    }
    const std::uint64_t at = file_.u64(end - kLocator64Bytes + 8);
    if (!file_.has(at, kEnd64Bytes) || at > end - kLocator64Bytes || file_.u32(at) != kEnd64) {
      return invalid("the zip file's 64-bit end record is not where its locator says");
    }
    if (file_.u32(at + 16) != 0 || file_.u32(at + 20) != 0 ||
        file_.u64(at + 24) != file_.u64(at + 32)) {
      return invalid("the zip file is one of several parts");
    }
    return std::pair{Directory{file_.u64(at + 48), file_.u64(at + 40), file_.u64(at + 32)}, at};
  }

  Result<Entry> read_entry(std::uint64_t at, std::uint64_t end) const {
    if (at > end || end - at < kDirectoryEntryBytes || file_.u32(at) != kDirectoryEntry) {
      return invalid("the zip directory is damaged at byte " + std::to_string(at));
    }
    const std::uint16_t flags = file_.u16(at + 8);
    const std::size_t name_bytes = file_.u16(at + 28);
    const std::size_t extra_bytes = file_.u16(at + 30);
    const std::size_t comment_bytes = file_.u16(at + 32);
    const std::uint64_t name_at = at + kDirectoryEntryBytes;
    if (name_bytes + extra_bytes + comment_bytes > end - name_at) {
      return invalid("the zip directory is damaged at byte " + std::to_string(at));
    }
    Entry entry{file_.text(name_at, name_bytes), file_.u32(at + 42), file_.u32(at + 24),
                name_at + name_bytes + extra_bytes + comment_bytes};
    if (name_bytes == 0 || name_bytes > ZipLimits::kNameBytesMax) {
      return invalid("a record of the zip file has no name, or too long a one");
    }
    if ((flags & 1U) != 0) return invalid("\"" + shown(entry.name) + "\" is encrypted");
    if (file_.u16(at + 10) != 0) {
      return invalid("\"" + shown(entry.name) + "\" is compressed; torch.save never compresses");
    }
    std::uint64_t stored = file_.u32(at + 20);
    widen(file_.part(name_at + name_bytes, extra_bytes), entry, stored);
    if (stored != entry.bytes) {
      return invalid("\"" + shown(entry.name) + "\" has two sizes");
    }
    return entry;
  }

  // Takes sizes and place from the 64-bit extension where the entry has no room for them.
  static void widen(std::span<const std::byte> extra, Entry& entry, std::uint64_t& stored) {
    const Reader reader(extra);
    for (std::uint64_t at = 0; reader.has(at, 4);) {
      const std::uint16_t bytes = reader.u16(at + 2);
      if (!reader.has(at + 4, bytes)) return;
      if (reader.u16(at) == kExtension64) {
        std::uint64_t next = at + 4;
        const auto take = [&](std::uint64_t& value) {
          if (value != kIn64 || next + 8 > at + 4 + bytes) return;
          value = reader.u64(next);
          next += 8;
        };
        take(entry.bytes);
        take(stored);
        take(entry.header);
        return;
      }
      at += 4U + bytes;
    }
  }

  // The bytes behind the local header, all of them before the directory.
  Result<ZipRecord> find_record(const Entry& entry, std::uint64_t directory) const {
    const std::string name = shown(entry.name);
    if (entry.header > directory || directory - entry.header < kLocalHeaderBytes ||
        file_.u32(entry.header) != kLocalHeader) {
      return invalid("\"" + name + "\" is not where the zip directory says");
    }
    const std::uint64_t name_at = entry.header + kLocalHeaderBytes;
    const std::size_t name_bytes = file_.u16(entry.header + 26);
    const std::uint64_t data = name_at + name_bytes + file_.u16(entry.header + 28);
    if (data > directory || entry.bytes > directory - data) {
      return invalid("\"" + name + "\" runs past the end of the records; the file is truncated");
    }
    if (file_.text(name_at, name_bytes) != entry.name) {
      return invalid("\"" + name + "\" has another name in its own header");
    }
    return ZipRecord{std::string(entry.name), file_.part(data, entry.bytes)};
  }

  static bool overlap(const std::vector<ZipRecord>& records) {
    std::vector<std::span<const std::byte>> ranges;
    for (const ZipRecord& record : records) {
      if (!record.bytes.empty()) ranges.push_back(record.bytes);
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const auto& a, const auto& b) { return a.data() < b.data(); });
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].data() < ranges[i - 1].data() + ranges[i - 1].size()) return true;
    }
    return false;
  }

  Reader file_;
  const std::string& where_;
};

}  // namespace

bool is_zip(std::span<const std::byte> file) {
  const Reader reader(file);
  return reader.has(0, 4) && (reader.u32(0) == kLocalHeader || reader.u32(0) == kEnd);
}

Result<std::vector<ZipRecord>> read_zip_directory(std::span<const std::byte> file,
                                                  const std::string& where) {
  return ZipReader(file, where).read();
}

}  // namespace hearth::engine
