// The settings of replies by name, as /set and /params show them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/cli/flags.h"

namespace hearth::engine {

// temperature, top_k, …, in the order in which they are shown.
const std::vector<std::string_view>& chat_setting_names();

// "off" and "default" take the setting back. Errors: invalid_parameter: no such setting, or a value
// that it cannot have; the settings are then as before.
Result<void> set_chat_setting(SamplingFlags& settings, std::string_view name,
                              std::string_view value);

// Null where nobody set it. The names are those of OpenAI's API, so that the object is also what a
// server is sent.
nlohmann::ordered_json chat_settings_object(const SamplingFlags& settings);

}  // namespace hearth::engine
