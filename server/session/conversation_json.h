// Conversations and messages as clients see them (PROTOCOL §3, result). Pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/session/records.h"

namespace hearth::server {

// An entry of history.list.
nlohmann::ordered_json summary_json(const Conversation& conversation,
                                    const std::vector<MessageId>& live);

// The same, with the conversation's instructions and settings.
nlohmann::ordered_json conversation_json(const Conversation& conversation,
                                         const std::vector<MessageId>& live);

nlohmann::ordered_json message_json(const Message& message);

nlohmann::ordered_json hit_json(const SearchHit& hit);

// {} for what is no object.
nlohmann::ordered_json object_of(const std::string& json);

}  // namespace hearth::server
