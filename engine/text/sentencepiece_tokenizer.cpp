#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "engine/text/sentencepiece_bpe.h"
#include "engine/text/sentencepiece_decoder.h"
#include "engine/text/sentencepiece_normalizer.h"
#include "engine/text/slow_tokenizers.h"
#include "engine/text/tokenizer_assembly.h"
#include "engine/text/unigram.h"

namespace hearth::engine {
namespace {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

constexpr double kUnknownPenalty = 10.0;
constexpr std::string_view kSpace = "\xE2\x96\x81";

// Registered by Yuan's own scripts; in the model they are pieces (models §6.5).
constexpr std::array<std::string_view, 16> kYuanTokens = {
    "<eod>",          "<sep>",           "<pad>",          "<mask>",          "<predict>",
    "<FIM_SUFFIX>",   "<FIM_PREFIX>",    "<FIM_MIDDLE>",   "<commit_before>", "<commit_msg>",
    "<commit_after>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",  "<jupyter_output>",
    "<empty_output>"};

// ChatGLM2 and 3 number these after the pieces (models §6.6).
constexpr std::array<std::string_view, 5> kGlmTokens = {"[MASK]", "[gMASK]", "[sMASK]", "sop",
                                                        "eop"};
constexpr std::array<std::string_view, 4> kGlmRoles = {"<|system|>", "<|user|>", "<|assistant|>",
                                                       "<|observation|>"};

constexpr int kBlanksMax = 80;

std::string blank_piece(int count) { return "<|blank_" + std::to_string(count) + "|>"; }

// ChatGLM-6B writes white space as pieces of its own: "\n" is <n>, a tab <|tab|>, a run of k spaces
// <|blank_k|>.
class Glm1BlankStep final : public NormalizerStep {
 public:
  bool changes(std::string_view text) const override {
    return text.find_first_of("\n\t") != std::string_view::npos ||
           text.find("  ") != std::string_view::npos;
  }
  void run(std::string_view text, Rewrite& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] == '\n' || text[at] == '\t') {
        out.put(text[at] == '\n' ? "<n>" : "<|tab|>", at, at + 1);
        ++at;
        continue;
      }
      std::size_t end = std::min(text.find_first_not_of(' ', at), text.size());
      end = std::min(end, at + static_cast<std::size_t>(kBlanksMax));
      if (end - at < 2) {
        out.copy(at, at + 1);
        ++at;
        continue;
      }
      out.put(blank_piece(static_cast<int>(end - at)), at, end);
      at = end;
    }
  }
};

// Llama without `legacy`: one space in front of the whole text, if it begins with text.
class FirstSpaceStep final : public PreTokenizerStep {
 public:
  void run(Piece piece, const PieceSink& sink) const override {
    if (!piece.at_start) return sink(piece);
    const std::string text = std::string(kSpace).append(piece.text);
    sink({text, true});
  }
};

TokenTrie user_defined_pieces(const SentencePieceProto& proto) {
  TokenTrie trie;
  for (std::size_t i = 0; i < proto.pieces.size(); ++i) {
    if (proto.pieces[i].type == PieceType::user_defined) {
      trie.add(proto.pieces[i].text, static_cast<TokenId>(i));
    }
  }
  return trie;
}

Result<std::unique_ptr<const TokenModel>> make_unigram(const SentencePieceProto& proto) {
  std::vector<UnigramPiece> pieces;
  UnigramOptions options;
  float min_score = std::numeric_limits<float>::max();
  float max_score = std::numeric_limits<float>::lowest();
  for (const SentencePiece& piece : proto.pieces) {
    const bool is_user = piece.type == PieceType::user_defined;
    const bool is_in_text = is_user || piece.type == PieceType::normal;
    pieces.push_back({piece.text, static_cast<double>(piece.score), is_in_text, is_user});
    if (piece.type == PieceType::unknown) options.unk_id = static_cast<TokenId>(pieces.size()) - 1;
    if (piece.type != PieceType::normal) continue;
    min_score = std::min(min_score, piece.score);
    max_score = std::max(max_score, piece.score);
  }
  options.unk_score = static_cast<double>(min_score) - kUnknownPenalty;
  options.max_score = static_cast<double>(max_score);
  options.byte_fallback = proto.byte_fallback;
  options.single_precision = true;
  auto model = Unigram::make(pieces, options);
  if (!model) return tl::unexpected<Error>(std::move(model.error()));
  return std::make_unique<const Unigram>(std::move(*model));
}

Result<std::unique_ptr<const TokenModel>> make_model(const SentencePieceProto& proto) {
  if (proto.kind == SentencePieceKind::unigram) return make_unigram(proto);
  auto model = SentencePieceBpe::make(proto);
  if (!model) return tl::unexpected<Error>(std::move(model.error()));
  return std::make_unique<const SentencePieceBpe>(std::move(*model));
}

Decoder make_decoder(const SentencePieceProto& proto, TextFamily family) {
  SentencePieceDecodeOptions options;
  options.drops_first_space = proto.add_dummy_prefix;
  options.drops_every_space = proto.remove_extra_whitespaces;
  for (const SentencePiece& piece : proto.pieces) {
    if (piece.type == PieceType::unknown) options.surfaces[piece.text] = proto.unknown_surface;
  }
  if (family == TextFamily::chatglm1) {
    options.surfaces["<n>"] = "\n";
    options.surfaces["<|tab|>"] = "\t";
    for (int count = 2; count <= kBlanksMax; ++count) {
      options.surfaces[blank_piece(count)] = std::string(static_cast<std::size_t>(count), ' ');
    }
  }
  return Decoder::of(sentencepiece_rule(std::move(options)));
}

AddedToken special(std::string_view content) {
  AddedToken token;
  token.content = content;
  token.special = true;
  token.normalized = false;
  return token;
}

// Control pieces are special: text never becomes one, and they decode to nothing.
Result<void> add_control_pieces(const SentencePieceProto& proto, TextFamily family,
                                TokenizerParts& parts) {
  for (std::size_t i = 0; i < proto.pieces.size(); ++i) {
    const SentencePiece& piece = proto.pieces[i];
    const bool is_yuan =
        family == TextFamily::yuan &&
        std::find(kYuanTokens.begin(), kYuanTokens.end(), piece.text) != kYuanTokens.end();
    if (piece.type != PieceType::control && !is_yuan) continue;
    auto done = add_token(parts, special(piece.text), static_cast<TokenId>(i));
    if (!done) return done;
  }
  return {};
}

// The special tokens of ChatGLM2 and 3, which are no pieces.
Result<void> add_glm_tokens(bool with_roles, std::size_t num_pieces, TokenizerParts& parts) {
  auto id = static_cast<TokenId>(num_pieces);
  for (const std::string_view content : kGlmTokens) {
    AddedToken token = special(content);
    token.single_word = content == "sop" || content == "eop";  // not in "sophisticated"
    if (auto done = add_token(parts, token, id++); !done) return done;
  }
  if (!with_roles) return {};
  for (const std::string_view content : kGlmRoles) {
    if (auto done = add_token(parts, special(content), id++); !done) return done;
  }
  return {};
}

std::vector<TokenId> ids_of(const TokenizerParts& parts, std::string_view first,
                            std::string_view second) {
  std::vector<TokenId> ids;
  for (const std::string_view content : {first, second}) {
    if (const auto id = parts.added.find(content)) ids.push_back(*id);
  }
  return ids;
}

Result<void> add_tokens(const SentencePieceProto& proto, const TokenizerConfig& config,
                        TextFamily family, TokenizerParts& parts) {
  if (auto done = add_control_pieces(proto, family, parts); !done) return done;
  const bool is_newer_glm = family == TextFamily::chatglm2 || family == TextFamily::chatglm3;
  if (is_newer_glm) {
    auto done = add_glm_tokens(family == TextFamily::chatglm3, proto.pieces.size(), parts);
    if (!done) return done;
  }
  parts.has_plain_texts = is_newer_glm || family == TextFamily::chatglm1;
  if (parts.has_plain_texts) {
    parts.added.finish();
    return {};
  }
  return add_configured_tokens(config, true, parts);
}

void add_special_ends(const TokenizerConfig& config, TextFamily family, TokenizerParts& parts) {
  if (family == TextFamily::chatglm1) {
    parts.post_processor.after = ids_of(parts, "[gMASK]", "<sop>");
  } else if (family == TextFamily::chatglm2 || family == TextFamily::chatglm3) {
    parts.post_processor.before = ids_of(parts, "[gMASK]", "sop");
  } else {
    apply_bos_and_eos(config, parts);
  }
}

}  // namespace

Result<TokenizerPtr> tokenizer_from_sentencepiece(std::string_view bytes, const std::string& where,
                                                  const TokenizerConfig& config,
                                                  TextFamily family) {
  auto proto = parse_sentencepiece(bytes, where);
  if (!proto) return tl::unexpected<Error>(std::move(proto.error()));
  auto charsmap = Charsmap::parse(proto->charsmap, where);
  if (!charsmap) return tl::unexpected<Error>(std::move(charsmap.error()));
  auto model = make_model(*proto);
  if (!model) return tl::unexpected<Error>(std::move(model.error()));

  TokenizerParts parts;
  parts.model = std::move(*model);
  const bool is_llama = config.tokenizer_class.starts_with("LlamaTokenizer");
  const bool has_first_space = is_llama && !config.legacy && proto->add_dummy_prefix;
  std::vector<std::shared_ptr<const NormalizerStep>> steps;
  if (family == TextFamily::chatglm1) steps.push_back(std::make_shared<Glm1BlankStep>());
  steps.push_back(std::make_shared<SentencePieceNormalizer>(
      *proto, std::move(*charsmap), user_defined_pieces(*proto),
      proto->add_dummy_prefix && !has_first_space));
  parts.normalizer = Normalizer(std::move(steps));
  if (has_first_space) {
    parts.pre_tokenizer = PreTokenizer({std::make_shared<FirstSpaceStep>()});
  }
  parts.decoder = make_decoder(*proto, family);
  if (auto done = add_tokens(*proto, config, family, parts); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  add_special_ends(config, family, parts);
  parts.named = config.named;
  return std::make_shared<PipelineTokenizer>(std::move(parts));
}

}  // namespace hearth::engine
