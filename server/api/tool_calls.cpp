#include "server/api/tool_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kClose = "</tool_call>";
constexpr std::string_view kSpaces = " \n\r\t";

std::optional<ToolCall> call_of(const ordered_json& object) {
  if (!object.is_object() || !object.contains("name") || !object["name"].is_string())
    return std::nullopt;
  for (const char* const name : {"arguments", "parameters"}) {
    const auto arguments = object.find(name);
    if (arguments == object.end()) continue;
    const std::string text =
        arguments->is_string()
            ? arguments->get<std::string>()
            : arguments->dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    return ToolCall{object["name"].get<std::string>(), text};
  }
  return std::nullopt;
}

// How much of the end of text could be the beginning of a tag.
std::size_t open_end(std::string_view text) {
  for (std::size_t size = std::min(text.size(), kOpen.size() - 1); size > 0; --size) {
    if (text.ends_with(kOpen.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

void ToolCallReader::read(std::string_view text) { advance(text, false); }
void ToolCallReader::finish(std::string_view text) { advance(text, true); }

void ToolCallReader::show(std::string_view text, bool is_end) {
  const std::size_t last = text.find_last_not_of(kSpaces);
  if (last != std::string_view::npos) {
    content_ += spaces_;
    content_ += text.substr(0, last + 1);
    spaces_ = text.substr(last + 1);
  } else {
    spaces_ += text;
  }
  if (is_end && calls_.empty()) content_ += std::exchange(spaces_, {});
}

// The whole reply as calls without tags.
bool ToolCallReader::take_bare(std::string_view text) {
  std::vector<ToolCall> calls;
  const auto take = [&](const ordered_json& object) {
    auto call = call_of(object);
    if (call) calls.push_back(std::move(*call));
    return call.has_value();
  };
  const ordered_json whole = ordered_json::parse(text, nullptr, false);
  if (whole.is_array()) {
    if (whole.empty() || !std::all_of(whole.begin(), whole.end(), take)) return false;
  } else if (!take(whole)) {
    for (std::size_t begin = 0; begin < text.size();) {  // {…}; {…}
      std::size_t end = text.find("};", begin);
      end = end == std::string_view::npos ? text.size() : end + 1;
      if (!take(ordered_json::parse(text.substr(begin, end - begin), nullptr, false))) return false;
      begin = end + 1;
    }
  }
  calls_ = std::move(calls);
  return true;
}

void ToolCallReader::advance(std::string_view text, bool is_end) {
  if (!has_begun_) {
    const std::size_t first = text.find_first_not_of(kSpaces);
    if (first == std::string_view::npos && !is_end) return;
    has_begun_ = true;
    is_bare_ = first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  }
  if (is_bare_) {
    if (!is_end) return;
    is_bare_ = false;
    if (take_bare(text)) {
      done_ = text.size();
      return;
    }
  }
  while (done_ < text.size()) {
    const std::string_view rest = text.substr(done_);
    const std::size_t open = rest.find(kOpen);
    if (open == std::string_view::npos) {
      const std::size_t held = is_end ? 0 : open_end(rest);
      show(rest.substr(0, rest.size() - held), is_end);
      done_ += rest.size() - held;
      return;
    }
    const std::size_t inside = open + kOpen.size();
    const std::size_t close = rest.find(kClose, inside);
    if (close == std::string_view::npos && !is_end) {
      show(rest.substr(0, open), false);
      done_ += open;
      return;
    }
    // A reply may end without the closing tag.
    const std::size_t stop = std::min(close, rest.size());
    const auto call =
        call_of(ordered_json::parse(rest.substr(inside, stop - inside), nullptr, false));
    const std::size_t end = std::min(rest.size(), stop + kClose.size());
    show(rest.substr(0, open), false);
    if (call) {
      calls_.push_back(*call);
    } else {
      show(rest.substr(open, end - open), is_end && done_ + end == text.size());
    }
    done_ += end;
  }
  if (is_end) show({}, true);
}

}  // namespace hearth::server
