// How the template engine gives up: a private exception. It is thrown only below
// ChatTemplate::compile and ChatTemplate::render, which catch it and return its error as a value;
// nothing outside engine/text/jinja sees it. (A Result at each of the evaluator's many small steps
// would hide the semantics that this directory is about.)
#pragma once

#include <string>
#include <utility>

#include "engine/base/error.h"

namespace hearth::engine::jinja {

struct Failure {
  Error error;
};

[[noreturn]] inline void raise(ErrorCode code, std::string detail) {
  throw Failure{{code, std::move(detail)}};
}

// What Python calls a TypeError: an operation on a value of the wrong kind.
[[noreturn]] inline void raise_type(std::string detail) {
  raise(ErrorCode::template_type, std::move(detail));
}

// What Python calls a ValueError, ZeroDivisionError, …: the right kind, an impossible value.
[[noreturn]] inline void raise_value(std::string detail) {
  raise(ErrorCode::template_value, std::move(detail));
}

// What Jinja calls a TemplateRuntimeError.
[[noreturn]] inline void raise_runtime(std::string detail) {
  raise(ErrorCode::template_runtime, std::move(detail));
}

}  // namespace hearth::engine::jinja
