// BERT's normalizer (models §6.2): control characters go, CJK characters stand alone, accents and
// capitals may go.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/text/normalizer.h"

namespace hearth::engine {

struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  std::optional<bool> strip_accents = std::nullopt;  // nullopt: as lowercase
  bool lowercase = true;
};

// Its steps in order.
std::vector<std::shared_ptr<const NormalizerStep>> bert_normalizer_steps(
    const BertNormalizerOptions& options);

}  // namespace hearth::engine
