#include "server/api/inspect_json.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/api/inspect_text.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

// With the digits a float has, not those its double would show.
double brief(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double wide = static_cast<double>(value);  // what is not finite stays so, and becomes null
  std::from_chars(text, end, wide);
  return wide;
}

json numbers(std::span<const float> values) {
  json list = json::array();
  for (const float value : values) list.push_back(brief(value));
  return list;
}

void add_text(json& to, const TokenText& text) {
  to["text"] = text.text;
  if (!text.hex.empty()) to["hex"] = text.hex;
}

json sampling_json(const engine::SamplingParams& sampling) {
  json body = {{"do_sample", sampling.do_sample},
               {"temperature", sampling.temperature},
               {"top_k", sampling.top_k},
               {"top_p", sampling.top_p},
               {"min_p", sampling.min_p},
               {"repetition_penalty", sampling.repetition_penalty},
               {"presence_penalty", sampling.presence_penalty},
               {"frequency_penalty", sampling.frequency_penalty}};
  if (sampling.typical_p < 1.0) body["typical_p"] = sampling.typical_p;
  if (sampling.epsilon_cutoff > 0.0) body["epsilon_cutoff"] = sampling.epsilon_cutoff;
  if (sampling.eta_cutoff > 0.0) body["eta_cutoff"] = sampling.eta_cutoff;
  return body;
}

json candidate_json(const engine::InspectedCandidate& candidate,
                    const engine::TokenCandidates& kept, double temperature, TokenTexts& texts) {
  const TokenText& text = texts[candidate.id];
  json body = {{"id", candidate.id}};
  add_text(body, text);
  body["bytes"] = text.bytes;
  if (text.is_special) body["special"] = true;
  body["logit"] = brief(candidate.logit);
  body["score"] = brief(candidate.score);
  body["p"] = numbers(engine::probabilities_of(candidate, kept.stages, temperature));
  return body;
}

void add_candidates(json& body, const TracedToken& token, const TracePage& page,
                    std::size_t num_candidates, TokenTexts& texts) {
  const engine::TokenCandidates& kept = *token.candidates;
  body["u"] = brief(kept.u);
  body["entropy"] = brief(kept.entropy);
  json left = json::array();
  for (const engine::InspectedStage& stage : kept.stages) left.push_back(stage.num_left);
  body["left"] = std::move(left);
  json list = json::array();
  const double temperature = page.head.sampling.temperature;
  for (std::size_t i = 0; i < kept.candidates.size(); ++i) {
    const engine::InspectedCandidate& candidate = kept.candidates[i];
    // All of them: with the listed also those beyond the list.
    const bool is_wanted =
        i < num_candidates || num_candidates >= engine::TokenCandidates::kListedMax;
    if (is_wanted || candidate.id == token.record.id)
      list.push_back(candidate_json(candidate, kept, temperature, texts));
  }
  body["candidates"] = std::move(list);
  body["num_listed"] = kept.num_listed;
  body["tail"] = numbers(kept.log_tail);
}

json token_json(std::size_t index, const TracedToken& token, const TracePage& page,
                std::size_t num_candidates, TokenTexts& texts) {
  const TokenText& text = texts[token.record.id];
  json body = {{"index", index}, {"id", token.record.id}};
  add_text(body, text);
  body["bytes"] = token.bytes;
  body["special"] = text.is_special;
  body["lp"] = brief(token.record.logprob);
  body["rank"] = token.record.rank;
  body["u"] = brief(token.record.u);
  if (token.candidates) add_candidates(body, token, page, num_candidates, texts);
  return body;
}

// Of the first token that has candidates: the settings are the same for all.
json stages_json(const TracePage& page) {
  json names = json::array();
  for (const TracedToken& token : page.tokens) {
    if (!token.candidates) continue;
    for (const engine::InspectedStage& stage : token.candidates->stages)
      names.push_back(to_string(stage.stage));
    break;
  }
  return names;
}

json head_json(const TracePage& page) {
  const Message& reply = page.reply;
  json body = {{"message", to_string(reply.id)},
               {"conversation", to_string(page.conversation)},
               {"model", reply.model},
               {"state", page.state},
               {"to", reply.tokens},
               {"traced", page.num_traced},
               {"inspect", page.head.is_inspected && (page.has_candidates || page.tokens.empty())},
               {"seed", reply.seed}};
  if (reply.end) {
    body["prompt_tokens"] = reply.end->prompt_tokens;
    body["cached_tokens"] = reply.end->cached_tokens;
  }
  body["sampling"] = sampling_json(page.head.sampling);
  body["stages"] = stages_json(page);
  body["tail_betas"] = numbers(engine::TokenCandidates::kTailBetas);
  if (page.head.branch) {
    body["branch"] = {{"message", to_string(page.head.branch->message)},
                      {"at", page.head.branch->at}};
  }
  body["from"] = page.range.from;
  return body;
}

// `{…head…,"next":n,"tokens":[…]}`, written in parts: the answer is too large to be built twice.
class Answer {
 public:
  // False: it is large enough.
  bool add(const json& token) {
    if (!tokens_.empty()) tokens_ += ',';
    tokens_ += to_text(token);
    ++num_tokens_;
    return tokens_.size() < kInspectBytesMax;
  }
  std::string finish(json head, std::size_t from, std::size_t end) && {
    if (from + num_tokens_ < end) head["next"] = from + num_tokens_;
    std::string body = to_text(head);
    body.pop_back();
    body += ",\"tokens\":[";
    body += tokens_;
    body += "]}";
    return body;
  }

 private:
  std::string tokens_;
  std::size_t num_tokens_ = 0;
};

}  // namespace

std::string to_text(const nlohmann::ordered_json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string inspect_body(const TracePage& page, const ModelInfo& model,
                         std::size_t num_candidates) {
  TokenTexts texts(*model.tokenizer);
  Answer answer;
  for (std::size_t i = 0; i < page.tokens.size(); ++i) {
    const json token = token_json(page.range.from + i, page.tokens[i], page, num_candidates, texts);
    if (!answer.add(token)) break;
  }
  return std::move(answer).finish(head_json(page), page.range.from, page.num_traced);
}

std::string prompt_body(const TracedPrompt& prompt, const ModelInfo& model, TraceRange range) {
  const std::size_t from = std::min(range.from, prompt.ids.size());
  const std::size_t to = std::clamp(range.to, from, prompt.ids.size());
  const auto ids = std::span(prompt.ids).subspan(from, to - from);
  TokenTexts texts(*model.tokenizer);
  Answer answer;
  std::size_t num_shown = 0;
  for (const TokenId id : ids) {
    json token = {{"id", id}};
    add_text(token, texts[id]);
    if (texts[id].is_special) token["special"] = true;
    ++num_shown;
    if (!answer.add(token)) break;
  }
  json dropped = json::array();
  for (const MessageId& id : prompt.reply.dropped) dropped.push_back(to_string(id));
  json head = {{"message", to_string(prompt.reply.id)},
               {"source", prompt.is_rebuilt ? "rebuilt" : "kept"},
               {"prompt_tokens", prompt.ids.size()}};
  if (prompt.cached_tokens) head["cached_tokens"] = *prompt.cached_tokens;
  head["dropped"] = std::move(dropped);
  head["from"] = from;
  head["text"] = model.tokenizer->decode(ids.first(num_shown), false);
  return std::move(answer).finish(std::move(head), from, prompt.ids.size());
}

}  // namespace hearth::server
