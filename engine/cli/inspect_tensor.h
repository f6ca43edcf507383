// hearth inspect --tensor: one tensor's values. And the words that inspect's parts share.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/base/error.h"
#include "engine/cli/flags.h"

namespace hearth::engine {

// Prints, or gives up when there is no such tensor.
void show_tensor(const std::string& folder, const std::string& name, bool as_json);

// 494032768 → "494,032,768".
std::string grouped(std::uint64_t number);
// "988.1 MB", "16.1 GB"
std::string size_text(double bytes);

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

}  // namespace hearth::engine
