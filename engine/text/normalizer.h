// The "normalizer" of tokenizer.json: rewrites text before it is split (models §6.2).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/rewrite.h"

namespace hearth::engine {

// One rewriting rule. Immutable.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  // False only if run would copy the text unchanged.
  virtual bool changes(std::string_view text) const = 0;
  virtual void run(std::string_view text, Rewrite& out) const = 0;
};

// All of them in order; none for a null component. Immutable: any number of threads may use it.
class Normalizer {
 public:
  // Errors: tokenizer_invalid, tokenizer_unsupported (Nmt, ByteLevel).
  static Result<Normalizer> from_json(const nlohmann::json& component);

  Normalizer() = default;
  explicit Normalizer(std::vector<std::shared_ptr<const NormalizerStep>> steps)
      : steps_(std::move(steps)) {}

  bool empty() const { return steps_.empty(); }

  // Room for one normalised text; reused from call to call.
  struct Room {
    std::string text;
    std::string spare;
    ByteMarks marks;
    ByteMarks spare_marks;
  };

  // The normal form of text (valid UTF-8): text itself if nothing changes, else room.text. With
  // marks (one per byte of text, or none), room.marks gets one per byte of the result.
  std::string_view apply(std::string_view text, std::span<const std::uint8_t> marks,
                         Room& room) const;
  std::string apply(std::string_view text) const;

 private:
  std::vector<std::shared_ptr<const NormalizerStep>> steps_;
};

}  // namespace hearth::engine
