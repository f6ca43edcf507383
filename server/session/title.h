#pragma once

#include <string>
#include <string_view>

namespace hearth::server {

// The title of a conversation that nobody named: its first message on one line, at most 60
// characters, cut at a word.
std::string title_from(std::string_view content);

}  // namespace hearth::server
