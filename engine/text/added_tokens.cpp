#include "engine/text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "engine/text/char_class.h"
#include "engine/text/json_fields.h"
#include "engine/text/utf8.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kContentBytesMax = 1024;

bool stands_alone(std::string_view text, const TokenTrie::Match& match) {
  const bool word_before =
      match.begin > 0 && is_word_char(decode_utf8(text, previous_utf8(text, match.begin)).value);
  const bool word_behind =
      match.end < text.size() && is_word_char(decode_utf8(text, match.end).value);
  return !word_before && !word_behind;
}

// Where the white space that ends at `end` begins, but not before `from`.
std::size_t space_before(std::string_view text, std::size_t from, std::size_t end) {
  while (end > from) {
    const std::size_t begin = previous_utf8(text, end);
    if (!is_white_space(decode_utf8(text, begin).value)) break;
    end = begin;
  }
  return std::max(end, from);
}

std::size_t space_behind(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    const Utf8Char next = decode_utf8(text, end);
    if (!is_white_space(next.value)) break;
    end += next.bytes;
  }
  return end;
}

}  // namespace

Result<AddedToken> added_token_from_json(const nlohmann::json& object, const std::string& where) {
  JsonFields fields(object, where);
  AddedToken token;
  token.content = fields.text("content");
  token.single_word = fields.boolean("single_word", false);
  token.lstrip = fields.boolean("lstrip", false);
  token.rstrip = fields.boolean("rstrip", false);
  token.special = fields.boolean("special", false);
  token.normalized = fields.boolean("normalized", !token.special);
  if (token.content.size() > kContentBytesMax) fields.report("content", "at most 1024 bytes long");
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return token;
}

TokenId AddedTokens::next_id(const TokenModel& model) const {
  // The reference counts from the number of the model's entries, or from the largest added id above
  // it.
  return static_cast<TokenId>(std::max(model.size(), slots_.size()));
}

bool AddedTokens::add(const AddedToken& token, const TokenModel& model,
                      const Normalizer& normalizer, std::optional<TokenId> wanted) {
  if (token.content.empty()) return true;
  const auto is_free = [&](TokenId id) { return !text(id) && !model.id_to_token(id); };
  TokenId id = -1;
  if (const auto known = find(token.content)) {
    id = *known;
  } else if (const auto in_model = model.token_to_id(token.content)) {
    id = *in_model;
  } else {
    id = wanted && is_free(*wanted) ? *wanted : next_id(model);
  }
  if (id < 0 || id >= kTokenIdEnd) return false;
  const auto index = static_cast<std::size_t>(id);
  if (index >= slots_.size()) slots_.resize(index + 1);
  Slot& slot = slots_[index];
  const bool was_special = slot.used && slot.token.special;
  slot.used = true;
  slot.token = token;
  slot.token.special = token.special || was_special;
  slot.normal_form = token.normalized ? normalizer.apply(token.content) : token.content;
  ids_[token.content] = id;
  return true;
}

void AddedTokens::finish() {
  for (std::size_t id = 0; id < slots_.size(); ++id) {
    const Slot& slot = slots_[id];
    if (!slot.used) continue;
    TokenTrie& trie = slot.token.normalized ? normalized_trie_ : raw_trie_;
    trie.add(slot.normal_form, static_cast<TokenId>(id));
    has_normalized_special_ |= slot.token.normalized && slot.token.special;
  }
}

std::optional<TokenId> AddedTokens::find(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional<TokenId>(found->second);
}

std::optional<std::string_view> AddedTokens::text(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= slots_.size()) return std::nullopt;
  const Slot& slot = slots_[static_cast<std::size_t>(id)];
  return slot.used ? std::optional<std::string_view>(slot.normal_form) : std::nullopt;
}

bool AddedTokens::is_special(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= slots_.size()) return false;
  const Slot& slot = slots_[static_cast<std::size_t>(id)];
  return slot.used && slot.token.special;
}

ForbiddenIds AddedTokens::special_ids() const {
  ForbiddenIds ids(slots_.size());
  for (std::size_t id = 0; id < slots_.size(); ++id) ids[id] = is_special(static_cast<TokenId>(id));
  return ids;
}

void AddedTokens::split(Stage stage, std::string_view text, bool split_special,
                        const OriginMap& origins, std::vector<Part>& parts) const {
  std::size_t done = 0;  // up to where parts cover the text
  std::size_t at = 0;
  bool suppressed = false;
  const auto allowed = [&](const TokenTrie::Match& match) {
    if (split_special || origins.empty()) return true;
    if (!is_special(match.id) || !origins.touches_message(match.begin, match.end)) return true;
    suppressed = true;
    return false;
  };
  while (const auto match = trie(stage).find(text, at, allowed)) {
    const AddedToken& token = slots_[static_cast<std::size_t>(match->id)].token;
    at = match->end;
    if (token.special && split_special) continue;
    if (token.single_word && !stands_alone(text, *match)) continue;
    const std::size_t begin = token.lstrip ? space_before(text, done, match->begin) : match->begin;
    const std::size_t end = token.rstrip ? space_behind(text, match->end) : match->end;
    if (begin > done) parts.push_back({done, begin, -1, suppressed});
    parts.push_back({std::max(begin, done), end, match->id, false});
    suppressed = false;
    done = end;
    at = std::max(at, done);
  }
  if (done < text.size()) parts.push_back({done, text.size(), -1, suppressed});
}

}  // namespace hearth::engine
