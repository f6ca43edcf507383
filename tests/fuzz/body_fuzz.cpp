// Any bytes as the body of a generating route, and what is JSON in it as a schema: a request within
// its bounds, or one error that names a field or says what is wrong. The first byte chooses.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/structured/json_schema.h"
#include "server/api/completions_api.h"
#include "server/api/openai_request.h"

namespace {

constexpr std::int64_t kTokensMax = 4096;

void check(const hearth::server::GenerationSpec& spec) {
  CHECK(!spec.prompts.empty());
  CHECK(spec.prompts.size() <= 16);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::server;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      if (const auto request = parse_openai_chat(text, kTokensMax)) {
        check(request->spec);
      } else {
        CHECK(!request.error().detail.empty());
      }
      return 0;
    case 1:
      if (const auto request = parse_completion(text, kTokensMax)) {
        check(request->spec);
      } else {
        CHECK(!request.error().detail.empty());
      }
      return 0;
    default:
      if (const auto body = parse_body(text)) hearth::engine::compile_json_schema(body->ordered);
      return 0;
  }
}
