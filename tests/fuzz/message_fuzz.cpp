// Any bytes as one frame of hearth.chat.v1: a message whose values are within their bounds, or one
// error with a sentence.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "server/session/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::server;
  const ParseLimits limits{};
  const auto message = parse_client_message({reinterpret_cast<const char*>(data), size}, limits);
  if (!message) {
    CHECK(!message.error().error.detail.empty());
    CHECK(message.error().re.size() <= 64);
    return 0;
  }
  CHECK(request_id_of(*message).size() <= 64);
  if (const auto* const create = std::get_if<ChatCreate>(&*message)) {
    CHECK(create->content.size() <= limits.content_bytes);
    CHECK(!create->system || create->system->size() <= limits.system_bytes);
    CHECK(create->params_json.size() <= size);
  }
  if (const auto* const hello = std::get_if<Hello>(&*message))
    CHECK(!hello->resume || hello->resume->streams.size() <= 32);
  return 0;
}
