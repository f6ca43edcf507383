#include "engine/checkpoint/file_checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 5> kSumFiles = {"SHA256SUMS", "SHA256SUMS.txt", "sha256sums.txt",
                                                  "sha256sum.txt", "checksums.sha256"};
constexpr const char* kDownloadNotes = ".cache/huggingface/download";

using ByFile = std::map<std::string, ExpectedDigest>;

// The kind of a checksum by its length; nullopt for anything else.
std::optional<DigestKind> kind_of(const std::string& hex) {
  const bool is_hex = std::all_of(hex.begin(), hex.end(), [](char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
  if (!is_hex) return std::nullopt;
  if (hex.size() == 64) return DigestKind::sha256;
  return hex.size() == 40 ? std::optional(DigestKind::git_blob) : std::nullopt;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Names come from files: they must not lead out of the folder.
bool is_inside(const fs::path& name) {
  return !name.empty() && name.is_relative() &&
         std::none_of(name.begin(), name.end(), [](const fs::path& part) { return part == ".."; });
}

void add(ByFile& all, const fs::path& name, const std::string& hex, const std::string& source) {
  const auto kind = kind_of(hex);
  if (!kind || !is_inside(name)) return;
  const std::string file = name.lexically_normal().string();
  all.try_emplace(file, ExpectedDigest{file, lower_case(hex), *kind, source});
}

// Lines of "HEX  NAME" or "HEX *NAME", as sha256sum writes them; `alone` where there is no name.
void add_sums(ByFile& all, const fs::path& folder, const std::string& source,
              const std::string& alone) {
  std::ifstream file(folder / source);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string hex;
    std::string name;
    words >> hex >> std::ws;
    std::getline(words, name);
    while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
    if (name.starts_with('*')) name.erase(0, 1);
    add(all, name.empty() ? alone : name, hex, source);
  }
}

// NAME.metadata: the commit, the etag and the time, a line each. The etag of a large file is its
// SHA-256, of any other git's name of it.
void add_download_note(ByFile& all, const fs::path& notes, const fs::path& note) {
  std::ifstream file(note);
  std::string commit;
  std::string etag;
  if (!std::getline(file, commit) || !std::getline(file, etag)) return;
  while (!etag.empty() && std::isspace(static_cast<unsigned char>(etag.back()))) etag.pop_back();
  add(all, note.lexically_relative(notes).replace_extension(), etag, kDownloadNotes);
}

template <class Seen>
void for_each_file(const fs::path& folder, const Seen& seen) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!it->is_directory(ignored)) seen(it->path());
  }
}

}  // namespace

std::vector<ExpectedDigest> expected_digests(const fs::path& folder) {
  ByFile all;
  for (const char* name : kSumFiles) add_sums(all, folder, name, "");
  const fs::path notes = folder / kDownloadNotes;
  for_each_file(notes, [&](const fs::path& file) {
    if (file.extension() == ".metadata") add_download_note(all, notes, file);
  });
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".sha256")) add_sums(all, folder, name, name.substr(0, name.size() - 7));
    const fs::path blob = fs::read_symlink(entry.path(), error);
    if (!error) add(all, name, blob.filename().string(), "the name of the linked blob");
    error.clear();
  }
  std::vector<ExpectedDigest> list;
  for (auto& [file, digest] : all) list.push_back(std::move(digest));
  return list;
}

std::vector<std::string> unfinished_downloads(const fs::path& folder) {
  std::vector<std::string> names;
  for_each_file(folder, [&](const fs::path& file) {
    const std::string extension = file.extension().string();
    const bool is_unfinished = extension == ".incomplete" || extension == ".part" ||
                               extension == ".crdownload" || extension == ".aria2";
    if (is_unfinished) names.push_back(file.lexically_relative(folder).string());
  });
  std::sort(names.begin(), names.end());
  return names;
}

FileCheck check_file(const fs::path& folder, const ExpectedDigest& expected) {
  FileCheck check{expected, FileCheck::State::missing, 0};
  const fs::path path = folder / expected.file;
  std::error_code error;
  if (!fs::exists(path, error)) return check;
  check.bytes = fs::file_size(path, error);
  const auto found = file_digest(path, expected.kind);
  check.state = !found                   ? FileCheck::State::unreadable
                : *found == expected.hex ? FileCheck::State::same
                                         : FileCheck::State::differs;
  return check;
}

}  // namespace hearth::engine
