#include "server/store/key_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t kKeysMax = 1000;
constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kLabelBytesMax = 120;

tl::unexpected<Error> refuse(const fs::path& file, const std::string& why) {
  return fail(ErrorCode::io_error, "The keys in " + file.string() + " " + why + ".");
}

std::string last_error() { return std::generic_category().message(errno); }

json to_json(const OperatorKey& key) {
  json body = {{"id", key.id},
               {"label", key.label},
               {"scope", to_string(key.scope)},
               {"sha256", to_hex(key.hash)},
               {"user", to_string(key.user)},
               {"created", key.created_ms}};
  if (key.expires_ms) body["expires"] = *key.expires_ms;
  return body;
}

// Throws what nlohmann throws for a field that is missing or of another kind.
std::optional<OperatorKey> from_json(const nlohmann::json& body) {
  OperatorKey key{.label = body.at("label").get<std::string>(),
                  .created_ms = body.at("created").get<std::int64_t>()};
  const auto scope = body.at("scope").get<std::string>();
  const auto user = parse_id<UserId>(body.at("user").get<std::string>());
  if (!user || !from_hex(body.at("sha256").get<std::string>(), key.hash)) return std::nullopt;
  if (scope != "chat" && scope != "read") return std::nullopt;
  key.scope = scope == "read" ? Scope::read : Scope::chat;
  key.user = *user;
  key.id = key_id(key.hash);
  if (body.contains("expires")) key.expires_ms = body.at("expires").get<std::int64_t>();
  return key;
}

Result<std::vector<OperatorKey>> parse_keys(const fs::path& file, const std::string& text) {
  const auto whole = parse_strict_json(text);
  const char* const broken = "cannot be read: the file is damaged";
  if (!whole) return refuse(file, broken);
  try {
    std::vector<OperatorKey> keys;
    for (const nlohmann::json& one : whole->at("keys")) {
      auto key = from_json(one);
      if (!key) return refuse(file, broken);
      keys.push_back(std::move(*key));
    }
    return keys;
  } catch (const nlohmann::json::exception&) {
    return refuse(file, broken);
  }
}

// Held while the file is read and replaced.
class FileLock {
 public:
  explicit FileLock(const fs::path& file)
      : lock_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    while (lock_ >= 0 && flock(lock_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~FileLock() {
    if (lock_ >= 0) ::close(lock_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  bool is_held() const { return lock_ >= 0; }

 private:
  int lock_;
};

bool write_whole(int file, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(file, text.data() + done, text.size() - done);
    if (count < 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return ::fsync(file) == 0;
}

// The new file takes the place of the old one only when it is whole and on disk.
Result<void> write_keys(const fs::path& file, const std::vector<OperatorKey>& keys) {
  json list = json::array();
  for (const OperatorKey& key : keys) list.push_back(to_json(key));
  const json whole = {{"keys", std::move(list)}};
  const std::string text = whole.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  const fs::path part = file.string() + ".part";
  const int out = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) return refuse(file, "cannot be written: " + last_error());
  const bool is_written = write_whole(out, text);
  const std::string why = is_written ? "" : last_error();
  ::close(out);
  std::error_code ec;
  if (is_written) fs::rename(part, file, ec);
  if (!is_written || ec) return refuse(file, "cannot be written: " + (ec ? ec.message() : why));
  return {};
}

bool is_label(const std::string& label) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !label.empty() && label.size() <= kLabelBytesMax &&
         std::none_of(label.begin(), label.end(), is_control);
}

template <class Change>
auto with_keys(const fs::path& data_dir, Change change)
    -> decltype(change(std::declval<std::vector<OperatorKey>&>())) {
  std::error_code ec;
  if (fs::create_directories(data_dir, ec)) fs::permissions(data_dir, fs::perms::owner_all, ec);
  const FileLock lock(data_dir / "keys.lock");
  if (!lock.is_held()) return refuse(key_file(data_dir), "cannot be written: " + last_error());
  auto keys = read_keys(data_dir);
  if (!keys) return tl::unexpected(keys.error());
  auto changed = change(*keys);
  if (!changed) return changed;
  if (auto written = write_keys(key_file(data_dir), *keys); !written)
    return tl::unexpected(written.error());
  return changed;
}

// What changes when a file is replaced; all zero without one.
using FileMark = std::array<std::int64_t, 4>;

FileMark mark_of(const fs::path& file) {
  struct stat info = {};
  if (::stat(file.c_str(), &info) != 0) return {};
  return {static_cast<std::int64_t>(info.st_ino), static_cast<std::int64_t>(info.st_size),
          static_cast<std::int64_t>(info.st_mtim.tv_sec),
          static_cast<std::int64_t>(info.st_mtim.tv_nsec)};
}

}  // namespace

fs::path key_file(const fs::path& data_dir) { return data_dir / "keys.json"; }

Result<std::vector<OperatorKey>> read_keys(const fs::path& data_dir) {
  const fs::path file = key_file(data_dir);
  std::error_code ec;
  if (!fs::exists(file, ec)) return std::vector<OperatorKey>{};
  std::ifstream in(file, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.eof()) return refuse(file, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_keys(file, text);
}

Result<MadeKey> create_key(const fs::path& data_dir, const KeyRequest& request,
                           const RandomBytes& random, std::int64_t now_ms) {
  if (!is_label(request.label)) {
    return fail(ErrorCode::invalid_parameter,
                "A key's label has 1 to 120 bytes and no control characters.");
  }
  MadeKey made{.secret = make_key(random)};
  made.key = {.label = request.label,
              .scope = request.scope,
              .hash = sha256(made.secret),
              .user = new_id<UserId>(random),
              .created_ms = now_ms,
              .expires_ms = request.expires_ms};
  made.key.id = key_id(made.key.hash);
  return with_keys(data_dir, [&](std::vector<OperatorKey>& keys) -> Result<MadeKey> {
    if (keys.size() >= kKeysMax)
      return fail(ErrorCode::quota_exceeded, "There are a thousand keys; revoke some.");
    keys.push_back(made.key);
    return made;
  });
}

Result<OperatorKey> revoke_key(const fs::path& data_dir, const std::string& id) {
  return with_keys(data_dir, [&](std::vector<OperatorKey>& keys) -> Result<OperatorKey> {
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [&](const OperatorKey& key) { return key.id == id; });
    if (found == keys.end())
      return fail(ErrorCode::not_found, "There is no key '" + id + "'; hearth key list shows all.");
    const OperatorKey gone = *found;
    keys.erase(found);
    return gone;
  });
}

KeyWatch::KeyWatch(fs::path data_dir, Events events)
    : data_dir_(std::move(data_dir)),
      events_(std::move(events)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

// The first look is a change, too: between the reading at the start and this thread something may
// have come.
void KeyWatch::run(const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kEvery{500};
  std::optional<FileMark> seen;
  while (!stop.stop_requested()) {
    const FileMark mark = mark_of(key_file(data_dir_));
    if (seen != mark) {
      seen = mark;
      if (auto keys = read_keys(data_dir_)) {
        events_.changed(std::move(*keys));
      } else {
        events_.unreadable(keys.error().detail);
      }
    }
    std::unique_lock lock(mutex_);
    wait_.wait_for(lock, stop, kEvery, [] { return false; });
  }
}

}  // namespace hearth::server
