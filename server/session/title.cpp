#include "server/session/title.h"

#include <cstddef>

namespace hearth::server {
namespace {

constexpr std::size_t kCharactersMax = 60;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }
bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }

// One line: runs of blanks and control characters become one space. Stops well after the cut.
std::string on_one_line(std::string_view content) {
  std::string line;
  for (const char c : content) {
    if (line.size() > kCharactersMax * 8) break;
    if (!is_blank(c)) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

std::string title_from(std::string_view content) {
  std::string line = on_one_line(content);
  std::size_t num_characters = 0;
  std::size_t cut = 0;  // where character 60, which the ellipsis replaces, begins
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!starts_character(line[i])) continue;
    if (++num_characters == kCharactersMax) cut = i;
    if (num_characters <= kCharactersMax) continue;
    // A word is cut only when it is most of the line; Chinese has no blanks to cut at.
    const std::size_t blank = line.rfind(' ', cut);
    line.resize(blank != std::string::npos && blank > cut / 2 ? blank : cut);
    return line + "…";
  }
  return line;
}

}  // namespace hearth::server
