// The inspector's answers as JSON (server/PROTOCOL.md §5). Slow on purpose-built pages of thousands
// of candidates: for the inspector's worker, not for the service's thread.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/session/model_info.h"
#include "server/session/trace_calls.h"

namespace hearth::server {

inline constexpr std::size_t kInspectBytesMax = 1024 * 1024;  // of one answer, or one token more

// Never throws: what is not UTF-8 becomes U+FFFD.
std::string to_text(const nlohmann::ordered_json& body);

// An unpacked page. num_candidates: shown of each token, besides the token itself.
std::string inspect_body(const TracePage& page, const ModelInfo& model, std::size_t num_candidates);

std::string prompt_body(const TracedPrompt& prompt, const ModelInfo& model, TraceRange range);

}  // namespace hearth::server
