#include "server/api/import_file.h"

#include <cmath>
#include <utility>

#include "server/api/errors.h"
#include "server/session/strict_json.h"

namespace hearth::server {

using nlohmann::json;

namespace foreign {

std::string text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::int64_t time_ms(const json& object, const char* name) {
  constexpr double kSecondsMax = 1e11;  // later than any clock, earlier than any milliseconds
  constexpr double kMsMax = 2.5e14;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return 0;
  const auto value = found->get<double>();
  const double ms = value < kSecondsMax ? value * 1000.0 : value;
  return ms > 0.0 && ms < kMsMax ? std::llround(ms) : 0;
}

const json& object(const json& parent, const char* name) {
  static const json kEmpty = json::object();
  const auto found = parent.find(name);
  return found != parent.end() && found->is_object() ? *found : kEmpty;
}

}  // namespace foreign

namespace {

enum class Kind : std::uint8_t { none, hearth, chatgpt, open_webui };

Kind kind_of(const json& item) {
  if (!item.is_object()) return Kind::none;
  const std::string format = foreign::text(item, "format");
  if (format == "hearth.conversation.v1") return Kind::hearth;
  if (!format.empty()) return Kind::none;
  if (item.contains("mapping") && item["mapping"].is_object()) return Kind::chatgpt;
  const json& history = foreign::object(foreign::object(item, "chat"), "history");
  if (history.contains("messages")) return Kind::open_webui;
  return Kind::none;
}

const char* name_of(Kind kind) {
  if (kind == Kind::hearth) return "hearth";
  return kind == Kind::chatgpt ? "chatgpt" : "openwebui";
}

ForeignConversation read_item(const json& item, Kind kind) {
  switch (kind) {
    case Kind::hearth:
      return read_hearth(item);
    case Kind::chatgpt:
      return read_chatgpt(item);
    case Kind::open_webui:
    case Kind::none:
      break;
  }
  return read_open_webui(item);
}

ImportEntry read_entry(const json& item, const UserId& owner, const ImportLimits& limits,
                       std::int64_t now_ms) {
  const Kind kind = kind_of(item);
  if (kind == Kind::none) {
    return {.conversation = tl::unexpected(wire_error(
                ErrorCode::invalid_parameter, "This is no conversation that is understood here."))};
  }
  ForeignConversation read = read_item(item, kind);
  // Without an id of its own, what is in it tells one from another.
  if (read.source.ends_with(':')) read.source += to_hex(sha256(item.dump()));
  ImportEntry entry{.title = read.title, .conversation = {}, .left_out = read.left_out};
  constexpr std::size_t kTitleBytes = 800;  // of one that is refused; the others' are cut to fit
  if (entry.title.size() > kTitleBytes) entry.title.resize(kTitleBytes);
  entry.conversation = make_import(owner, std::move(read), limits, now_ms);
  if (entry.conversation) entry.title = entry.conversation->conversation.title;
  return entry;
}

}  // namespace

tl::expected<ImportFile, WireError> read_import(std::string_view body, const UserId& owner,
                                                const ImportLimits& limits, std::int64_t now_ms) {
  auto parsed = parse_strict_json(body);
  if (!parsed) return tl::unexpected(wire_error(ErrorCode::invalid_json, parsed.error().detail));
  json items = json::array();
  if (parsed->is_array()) {
    items = std::move(*parsed);
  } else if (parsed->is_object() && foreign::text(*parsed, "format") == "hearth.export.v1" &&
             parsed->contains("conversations") && (*parsed)["conversations"].is_array()) {
    items = std::move((*parsed)["conversations"]);
  } else {
    items.push_back(std::move(*parsed));
  }
  if (items.size() > limits.conversations) {
    return tl::unexpected(
        wire_error(ErrorCode::invalid_parameter,
                   "The file has " + std::to_string(items.size()) + " conversations; at most " +
                       std::to_string(limits.conversations) + " are taken at once.",
                   "conversations"));
  }
  ImportFile file;
  for (json& item : items) {
    const Kind kind = kind_of(item);
    if (file.format.empty() && kind != Kind::none) file.format = name_of(kind);
    file.entries.push_back(read_entry(item, owner, limits, now_ms));
    item = nullptr;  // a large file need not be there twice
  }
  if (file.format.empty() && !items.empty()) {
    return tl::unexpected(wire_error(
        ErrorCode::invalid_parameter,
        "This is no export of Hearth, ChatGPT or Open WebUI that is understood here.", "format"));
  }
  if (file.format.empty()) file.format = "hearth";
  return file;
}

}  // namespace hearth::server
