// The "pre_tokenizer" of tokenizer.json: cuts normalised text into the words the model sees (models
// §6.2).
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"

namespace hearth::engine {

// A word in the making. Its text lives until the sink that got it returns.
struct Piece {
  std::string_view text;
  bool at_start = false;  // begins where the original text begins
};
using PieceSink = std::function<void(Piece)>;

// One rule. Immutable.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  // Hands the parts of piece, none of them empty, to sink, from left to right.
  virtual void run(Piece piece, const PieceSink& sink) const = 0;
};

// All of them in order. Immutable: any number of threads may use it.
class PreTokenizer {
 public:
  // Errors: tokenizer_invalid, tokenizer_unsupported (UnicodeScripts; ByteLevel anywhere but last).
  static Result<PreTokenizer> from_json(const nlohmann::json& component);

  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<std::shared_ptr<const PreTokenizerStep>> steps)
      : steps_(std::move(steps)) {}

  void run(Piece piece, const PieceSink& sink) const { run_from(0, piece, sink); }

  // The words are bytes, and the vocabulary is written in the byte alphabet (ByteLevel). A word may
  // then begin or end inside a character.
  bool is_byte_level() const { return is_byte_level_; }

 private:
  void run_from(std::size_t step, Piece piece, const PieceSink& sink) const;

  std::vector<std::shared_ptr<const PreTokenizerStep>> steps_;
  bool is_byte_level_ = false;
};

}  // namespace hearth::engine
