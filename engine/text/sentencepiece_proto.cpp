#include "engine/text/sentencepiece_proto.h"

#include <utility>

#include "engine/text/protobuf_reader.h"
#include "engine/text/utf8.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kPieceBytesMax = 4096;

bool read_piece(std::string_view message, SentencePiece& piece) {
  ProtobufReader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        piece.text = reader.bytes();
        break;
      case 2:
        piece.score = reader.real();
        break;
      case 3:
        if (reader.number() < 1 || reader.number() > 6) return false;
        piece.type = static_cast<PieceType>(reader.number());
        break;
      default:
        break;
    }
  }
  return !reader.failed() && !piece.text.empty() && piece.text.size() <= kPieceBytesMax &&
         is_valid_utf8(piece.text);
}

struct TrainerSpec {
  std::uint64_t model_type = 1;
  bool whitespace_as_suffix = false;
};

bool read_trainer(std::string_view message, SentencePieceProto& proto, TrainerSpec& spec) {
  ProtobufReader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 3:
        spec.model_type = reader.number();
        break;
      case 24:
        spec.whitespace_as_suffix = reader.boolean();
        break;
      case 35:
        proto.byte_fallback = reader.boolean();
        break;
      case 44:
        proto.unknown_surface = to_valid_utf8(reader.bytes());
        break;
      default:
        break;
    }
  }
  return !reader.failed();
}

bool read_normalizer(std::string_view message, SentencePieceProto& proto) {
  ProtobufReader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 2:
        proto.charsmap = reader.bytes();
        break;
      case 3:
        proto.add_dummy_prefix = reader.boolean();
        break;
      case 4:
        proto.remove_extra_whitespaces = reader.boolean();
        break;
      case 5:
        proto.escape_whitespaces = reader.boolean();
        break;
      default:
        break;
    }
  }
  return !reader.failed();
}

}  // namespace

Result<SentencePieceProto> parse_sentencepiece(std::string_view bytes, const std::string& where) {
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorCode::tokenizer_invalid, where + " " + what + ".");
  };
  if (bytes.starts_with("version https://git-lfs")) {
    return invalid("is a git-lfs pointer and not the file itself; run `git lfs pull`");
  }
  SentencePieceProto proto;
  TrainerSpec trainer;
  ProtobufReader reader(bytes);
  bool is_fine = true;
  while (is_fine && reader.next()) {
    if (reader.field() == 1) {
      if (proto.pieces.size() >= static_cast<std::size_t>(kTokenIdEnd)) {
        return invalid("has too many pieces");
      }
      proto.pieces.emplace_back();
      if (!read_piece(reader.bytes(), proto.pieces.back())) {
        return invalid("has a damaged piece, number " + std::to_string(proto.pieces.size() - 1));
      }
    }
    if (reader.field() == 2) is_fine = read_trainer(reader.bytes(), proto, trainer);
    if (reader.field() == 3) is_fine = read_normalizer(reader.bytes(), proto);
  }
  if (!is_fine || reader.failed() || proto.pieces.empty()) {
    return invalid("is not a SentencePiece model");
  }
  if (trainer.model_type != 1 && trainer.model_type != 2) {
    return fail(
        ErrorCode::tokenizer_unsupported,
        where + " is a SentencePiece model of words or characters; supported are unigram and BPE.");
  }
  if (trainer.whitespace_as_suffix) {
    return fail(ErrorCode::tokenizer_unsupported,
                where + " treats white space as a suffix, which is not supported.");
  }
  proto.kind = static_cast<SentencePieceKind>(trainer.model_type);
  return proto;
}

}  // namespace hearth::engine
