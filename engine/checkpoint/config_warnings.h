// What config.json says and nobody reads.
#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/config_reader.h"

namespace hearth::engine {

// One sentence that names the keys nobody asked for, but for those that mean nothing here; none
// when there are none.
std::vector<std::string> warn_of_unread_keys(const ConfigReader& config);

}  // namespace hearth::engine
