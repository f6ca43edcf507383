// Files of conversations: Hearth's own, ChatGPT's, Open WebUI's. Pure; runs on a text worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "server/api/import_tree.h"

namespace hearth::server {

struct ImportEntry {
  std::string title{};
  tl::expected<ConversationImport, WireError> conversation;
  std::map<std::string, std::int64_t> left_out{};
};

struct ImportFile {
  std::string format{};  // "hearth", "chatgpt", "openwebui"
  std::vector<ImportEntry> entries{};
};

// Errors of the whole: invalid_json, invalid_parameter (`format`: none of the three; a number of
// conversations above the limit).
tl::expected<ImportFile, WireError> read_import(std::string_view body, const UserId& owner,
                                                const ImportLimits& limits, std::int64_t now_ms);

// One conversation of each kind. What the object lacks is left at its default; texts that are no
// strings count as none.
ForeignConversation read_hearth(const nlohmann::json& object);
ForeignConversation read_chatgpt(const nlohmann::json& object);
ForeignConversation read_open_webui(const nlohmann::json& object);

// Readers of fields that may be absent or of another kind.
namespace foreign {
std::string text(const nlohmann::json& object, const char* name);
bool flag(const nlohmann::json& object, const char* name);
// A time in seconds, whole or not, or in milliseconds; in milliseconds, and 0 when there is none.
std::int64_t time_ms(const nlohmann::json& object, const char* name);
// Its object, or an empty one.
const nlohmann::json& object(const nlohmann::json& parent, const char* name);
}  // namespace foreign

}  // namespace hearth::server
