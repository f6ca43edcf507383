// A conversation as a file has it (PROTOCOL §6, "hearth.conversation.v1"), and as text to read.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/session/records.h"

namespace hearth::server {

// A conversation up to the opening of its messages; behind them comes "]}".
std::string export_head(const Conversation& conversation);
std::string export_message(const Message& message);

std::string export_markdown(const ConversationPath& path);

// Content-Disposition of a download: safe everywhere, and the title where it is understood.
std::string attachment(std::string_view title, std::string_view extension);
// "2026-11-21", UTC.
std::string date_of(std::int64_t unix_ms);

}  // namespace hearth::server
