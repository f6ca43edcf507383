// Strings ↔ token ids, exactly as the folder's tokenizer says (reference: tokenizers and
// transformers).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/text/marked_text.h"

namespace hearth::engine {

struct EncodeOptions {
  bool add_special_tokens = false;  // run the post-processor ("<|begin_of_text|> $A")
  bool split_special = false;       // treat special tokens in the text as plain text
};

// A text, or two, as a classifier reads it.
struct PairEncoding {
  std::vector<TokenId> ids;
  std::vector<std::int32_t> types;  // one per id; 1 in the second text as a rule
};

// One text being decoded, id by id. Used by one thread at a time; the tokenizer must outlive it.
class DecodeStream {
 public:
  virtual ~DecodeStream() = default;
  // Appends the text that id completes. What is appended is whole UTF-8.
  virtual void push(TokenId id, std::string& out) = 0;
  // Appends what was held back. Call once, at the end.
  virtual void finish(std::string& out) = 0;
};

// Immutable after load: any number of threads may encode and decode at once.
class Tokenizer {
 public:
  // Reads, from a model folder, tokenizer.json, else tokenizer.model, vocab.json and merges.txt,
  // vocab.txt or ice_text.model, with tokenizer_config.json and its kin (models §6.1). Errors:
  // file_missing, io_error, tokenizer_invalid, tokenizer_unsupported (naming the component or
  // file).
  static Result<std::shared_ptr<const Tokenizer>> load(const std::filesystem::path& folder);

  virtual ~Tokenizer() = default;

  // Bytes that are not UTF-8 become U+FFFD, one per maximal invalid subpart. Errors:
  // tokenizer_limit (a pattern of the folder would search this text for too long; never with the
  // patterns in use).
  virtual Result<std::vector<TokenId>> encode(std::string_view utf8,
                                              EncodeOptions options = {}) const = 0;

  // The same, but a special token that touches a message byte is not recognised (its characters are
  // encoded as text).
  virtual Result<std::vector<TokenId>> encode(const MarkedText& text,
                                              EncodeOptions options = {}) const = 0;

  // One text or two with the special tokens around and between them. The default puts the texts one
  // after the other.
  virtual Result<PairEncoding> encode_pair(std::string_view first,
                                           std::optional<std::string_view> second) const;

  // Always valid UTF-8. Unknown ids decode to nothing.
  virtual std::string decode(std::span<const TokenId> ids, bool skip_special_tokens) const = 0;

  // Decodes a growing list; what StreamDecoder works with. The default decodes a short window of
  // ids again for each new one; a tokenizer that can do it in constant time overrides it.
  virtual std::unique_ptr<DecodeStream> open_stream(bool skip_special_tokens) const;

  // The token as it stands in the vocabulary ("Ġhello"), or nullopt.
  virtual std::optional<std::string> id_to_token(TokenId id) const = 0;
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;
  virtual bool is_special(TokenId id) const = 0;

  // One past the largest id.
  virtual std::size_t vocab_size() const = 0;

  // Named special tokens as templates see them: "bos_token", "eos_token", "pad_token", … → text.
  // Absent names are not listed.
  struct NamedToken {
    std::string name;
    std::string text;
  };
  virtual const std::vector<NamedToken>& named_special_tokens() const = 0;
};

}  // namespace hearth::engine
