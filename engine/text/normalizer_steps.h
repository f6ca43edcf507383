// Rewriting rules that several kinds of normalizer are made of.
#pragma once

#include <memory>
#include <string>

#include "engine/text/normal_form.h"
#include "engine/text/normalizer.h"

namespace hearth::engine {

std::shared_ptr<const NormalizerStep> normal_form_step(NormalForm form);
std::shared_ptr<const NormalizerStep> lowercase_step();  // full Unicode lower case
std::shared_ptr<const NormalizerStep> prepend_step(std::string prefix);

}  // namespace hearth::engine
