// datetime.now().strftime(format) of Python, in local time and with English names whatever the
// process's locale.
#pragma once

#include <chrono>
#include <string>

#include "engine/text/jinja/limits.h"

namespace hearth::engine::jinja {

// Raises template_limit for formats longer than 1 KiB or results longer than 64 KiB.
std::string format_time(const std::string& format, std::chrono::system_clock::time_point now,
                        Budget& budget);

}  // namespace hearth::engine::jinja
