// The "decoder" of tokenizer.json: token strings → text (models §6.2). One token at a time, so that
// decoding a list and decoding a stream are the same code.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"

namespace hearth::engine {

// How much a decoding may wait.
//   exact  the reference's text for a list of tokens
//   early  hands out every character as soon as it is whole; differs from exact only where a byte
//   token follows that makes
//          the whole run of byte tokens invalid (the reference then takes back what it had already
//          shown)
enum class DecodeMode { exact, early };

// One rule at work on one text. Used by one thread at a time.
class DecodeStage {
 public:
  using Sink = std::function<void(std::string_view)>;

  virtual ~DecodeStage() = default;
  // Takes the next token (or, behind a Fuse, the next part of the text) and hands on what is ready.
  virtual void push(std::string_view token, const Sink& sink) = 0;
  virtual void finish(const Sink& sink) = 0;
};

// Makes a fresh stage.
using DecodeRule = std::function<std::unique_ptr<DecodeStage>(DecodeMode)>;

// One text being decoded. Every piece is whole UTF-8; the pieces of push and finish, joined, are
// the text. Cost per token does not grow with the text.
class Decoding {
 public:
  explicit Decoding(std::vector<std::unique_ptr<DecodeStage>> stages)
      : stages_(std::move(stages)) {}

  void push(std::string_view token, std::string& out);
  void finish(std::string& out);  // once, at the end

 private:
  void push_from(std::size_t stage, std::string_view token, std::string& out);

  std::vector<std::unique_ptr<DecodeStage>> stages_;
};

// Immutable: any number of threads may start decodings.
class Decoder {
 public:
  // A null component joins tokens with spaces. Errors: tokenizer_invalid, tokenizer_unsupported
  // (CTC, BPEDecoder; anything but Strip and one-character Replace behind a Fuse or ByteLevel).
  static Result<Decoder> from_json(const nlohmann::json& component);
  static Decoder byte_level();
  static Decoder of(DecodeRule rule);

  Decoding start(DecodeMode mode) const;

 private:
  std::vector<DecodeRule> rules_;
};

}  // namespace hearth::engine
