#pragma once

#include <memory>
#include <utility>

namespace hearth::server {

// A member of objects that hand out callbacks: what guard() wraps does nothing once the object is
// gone. One thread.
class Lifetime {
 public:
  template <class Function>
  auto guard(Function function) const {
    return
        [alive = std::weak_ptr<char>(token_), function = std::move(function)](auto&&... arguments) {
          if (!alive.expired()) function(std::forward<decltype(arguments)>(arguments)...);
        };
  }

 private:
  std::shared_ptr<char> token_ = std::make_shared<char>();
};

}  // namespace hearth::server
