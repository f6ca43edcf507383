// Tokens that are found in the text before anything else: special ones ("<|im_end|>") and plain
// ones ("<think>"). (models §6.2; tokenizers: added_vocabulary.rs)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/token_id.h"
#include "engine/text/normalizer.h"
#include "engine/text/origin_map.h"
#include "engine/text/token_model.h"
#include "engine/text/token_trie.h"

namespace hearth::engine {

struct AddedToken {
  std::string content;
  bool single_word = false;  // matches only between non-word characters
  bool lstrip = false;       // swallows white space on its left
  bool rstrip = false;
  bool normalized = true;  // looked for in the normalised text, as its own normal form
  bool special = false;
};

// Reads {"content", "single_word", …}. Errors: tokenizer_invalid (no content, more than 1 KiB).
Result<AddedToken> added_token_from_json(const nlohmann::json& object, const std::string& where);

// Filled, then immutable: any number of threads may search at once.
class AddedTokens {
 public:
  // Gives the token its id: the model's if its text is there, else `wanted` if that is free, else
  // the next one. A token that is there already gets the new properties. Empty ones are ignored.
  // False: no id is left.
  bool add(const AddedToken& token, const TokenModel& model, const Normalizer& normalizer,
           std::optional<TokenId> wanted = std::nullopt);
  // Call once, after the last add.
  void finish();

  bool contains(std::string_view content) const { return ids_.count(std::string(content)) != 0; }
  std::optional<TokenId> find(std::string_view content) const;
  // The text that decoding gives the id, or nullopt for one that is not added.
  std::optional<std::string_view> text(TokenId id) const;
  bool is_special(TokenId id) const;
  std::size_t id_end() const { return slots_.size(); }
  ForbiddenIds special_ids() const;

  // A part of a text: an added token, or text in which none was recognised.
  struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
    TokenId id = -1;          // −1: text
    bool suppressed = false;  // text in which a special token was not recognised because it touches
                              // a message byte
  };
  enum class Stage : std::uint8_t { raw, normalized };  // which of the two kinds is looked for

  // Cuts text into parts, in order, at the leftmost longest matches. A special token that would
  // touch a message byte of origins is as if it did not exist there, so what a person writes can
  // neither make nor hide one of the template's. With split_special, matches of special tokens are
  // passed over as text (the reference's encode_special_tokens).
  void split(Stage stage, std::string_view text, bool split_special, const OriginMap& origins,
             std::vector<Part>& parts) const;
  bool has(Stage stage) const { return !trie(stage).empty(); }
  // True when special tokens are looked for in normalised text, so that origins matter there.
  bool has_normalized_special() const { return has_normalized_special_; }

 private:
  struct Slot {
    bool used = false;
    AddedToken token{};
    std::string normal_form{};  // of a normalized one
  };
  const TokenTrie& trie(Stage stage) const {
    return stage == Stage::raw ? raw_trie_ : normalized_trie_;
  }
  TokenId next_id(const TokenModel& model) const;

  std::unordered_map<std::string, TokenId> ids_;
  std::vector<Slot> slots_;  // by id
  TokenTrie raw_trie_;
  TokenTrie normalized_trie_;
  bool has_normalized_special_ = false;
};

}  // namespace hearth::engine
