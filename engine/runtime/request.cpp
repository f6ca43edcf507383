#include "engine/runtime/request.h"

#include "engine/base/check.h"

namespace hearth::engine {

const char* to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::failed:
      return "failed";
  }
  CHECK(false);
}

}  // namespace hearth::engine
