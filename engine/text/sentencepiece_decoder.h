// How SentencePiece turns pieces back into text, as a rule of a Decoder (models §6.5).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/text/decoder.h"

namespace hearth::engine {

struct SentencePieceDecodeOptions {
  bool drops_first_space = true;   // the one that add_dummy_prefix puts there
  bool drops_every_space = false;  // remove_extra_whitespaces: all that the text would begin with
  // Pieces with a text of their own: the unknown piece, ChatGLM-6B's "<n>".
  std::unordered_map<std::string, std::string> surfaces = {};
};

// "▁" becomes a space; runs of "<0xXX>" become characters, each byte that fits none one U+FFFD.
DecodeRule sentencepiece_rule(SentencePieceDecodeOptions options);

}  // namespace hearth::engine
