// The blobs of a trace: little-endian, a version byte first. Decoding believes nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "server/session/trace.h"

namespace hearth::server {

std::string encode_head(const TraceHead& head);  // JSON
std::string encode_ids(std::span<const TokenId> ids);
// Of up to kTraceChunkTokens tokens.
std::string encode_tokens(std::span<const TracedToken> tokens);
std::string encode_candidates(std::span<const TracedToken> tokens);

// Errors: io_error, for a blob that this version did not write.
Result<TraceHead> decode_head(std::string_view blob);
Result<std::vector<TokenId>> decode_ids(std::string_view blob);
Result<std::vector<TracedToken>> decode_tokens(std::string_view blob);
// Fills in the candidates of the first tokens.
Result<void> decode_candidates(std::string_view blob, std::span<TracedToken> tokens);

}  // namespace hearth::server
