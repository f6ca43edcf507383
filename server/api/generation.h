// The replies that one HTTP request asks for: admission, prompts, engine, text. The chat page's
// replies take the same steps (session/turn_starter.h, session/reply.h) but belong to a
// conversation; these belong to their request and end with it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"
#include "server/api/api_prompt.h"
#include "server/api/output_rule.h"
#include "server/session/chat_service.h"
#include "server/session/clock.h"
#include "server/session/engine_port.h"
#include "server/session/error_body.h"
#include "server/session/model_info.h"
#include "server/session/protocol.h"
#include "server/session/reply_text.h"
#include "server/session/text_port.h"
#include "server/session/user.h"

namespace hearth::server {

// References outlive every generation.
struct GenerationPorts {
  ChatService& service;  // the model's state, admission
  EnginePort& engine;
  TextPort& text;
  RandomBytes random;
  std::function<engine::RequestId()> next_request_id;
  std::int64_t max_tokens = 4096;  // of one reply, whatever is asked
  std::string system_prompt{};     // the operator's, for messages without instructions
  Clock clock = system_clock();
  Milliseconds keep_alive{15'000};   // a sign of life on silent streams; 0: none
  bool any_model = true;             // every name means the model that is served
  std::int64_t reply_room = 16;      // tokens that a prompt leaves of the context for a reply
  Milliseconds reply_time{600'000};  // a reply ends, as with max_tokens, after so much writing
};

struct GenerationSpec {
  User user;
  std::string end_user;  // whom the user's program serves; they share its part of the engine
  std::string model;     // the name that was asked for; empty: none
  engine::RequestOutput output = engine::RequestOutput::reply;  // else Choice::values
  std::vector<PromptInput> prompts;       // 1…16; where nothing is drawn 1…256
  std::string prompt_param = "messages";  // what errors call them
  std::int64_t n = 1;                     // replies to each, 1…4; their seeds count up
  GenerationParams params;
  std::int64_t num_top_logprobs = 0;
  bool ignore_eos = false;
  std::vector<TokenId> stop_token_ids;  // end the reply and are not shown
  // Scores of the prompt's own tokens, with so many candidates. The prompt is then read one token a
  // step.
  std::optional<std::int64_t> prompt_logprobs;
  OutputRule rule;
};

enum class GenerationEnd { stop, length, failed, shut_down, access_ended };

// One reply of several. Owned by its Generation.
struct Choice {
  std::size_t prompt = 0;  // to which it belongs
  engine::RequestId request = 0;
  std::shared_ptr<const engine::TokenStream> tokens;  // null while it waits for its turn
  std::size_t num_scored = 0;  // leading tokens of the stream that are the prompt's own
  std::optional<ReplyText> text;
  std::optional<Instant> started_at;
  std::optional<GenerationEnd> end;
  std::string stop_string;               // that ended it
  std::optional<TokenId> stop_token_id;  // that ended it, one of the request's own

  std::int64_t completion_tokens() const;
  // What was asked for instead of a reply, once it ended well.
  const std::vector<float>& values() const { return tokens->finished()->values; }
};

class Generations;

// Service's thread. Kept alive by Generations until it ended.
class Generation : public std::enable_shared_from_this<Generation> {
 public:
  // A request with many prompts has so many replies, or texts that are read, with the engine at
  // once; all of them hold one place of its user.
  static constexpr std::size_t kAtOnce = 4;
  static constexpr std::size_t kReadAtOnce = 16;

  struct Events {
    std::function<void()> started;                  // the first prompt is with the engine
    std::function<void()> progressed;               // some choice's text grew, or it ended
    std::function<void(GenerationEnd)> ended;       // once, the last one; not after cancel()
    std::function<void(const WireError&)> refused;  // once, instead of everything else
    std::function<void()> idle;                     // keep_alive passed without an event
  };

  Generation(Generations& owner, GenerationSpec spec, Events events);

  // The asker is gone: the engine stops before its next step. No event comes afterwards.
  void cancel();

  // All of these once started.
  const std::vector<Choice>& choices() const { return choices_; }
  const std::vector<EncodedPrompt>& prompts() const { return prompts_; }
  const ModelInfo& model() const { return *model_; }
  std::int64_t prompt_tokens() const;  // of all prompts
  std::int64_t completion_tokens() const;
  std::int64_t cached_tokens() const;

  // Whatever was written to the client counts as a sign of life.
  void has_spoken();

 private:
  friend class Generations;
  struct Encoded;
  void start();
  void refuse(const WireError& error);
  void encoded(Result<Encoded> result);
  std::optional<WireError> check_model() const;
  std::optional<WireError> check_room() const;
  void submit_waiting();
  void submit(Choice& choice);
  engine::GenerationRequest request_for(const Choice& choice) const;
  void pull(Choice& choice);
  void after_pull(bool grew);
  bool end_what_takes_too_long(Instant now);
  void end(GenerationEnd how);
  void drop();
  void on_tick(Instant now);

  Generations& owner_;
  GenerationSpec spec_;
  Events events_;
  Admission::Ticket ticket_;
  std::shared_ptr<const ModelInfo> model_;
  engine::SamplingParams sampling_;
  std::uint64_t seed_ = 0;
  std::vector<EncodedPrompt> prompts_;
  std::shared_ptr<engine::GrammarAutomaton> automaton_;
  std::vector<Choice> choices_;
  std::size_t next_ = 0;  // the first choice that waits
  std::size_t live_ = 0;  // with the engine
  Instant spoke_at_;
  bool has_started_ = false;
  bool is_over_ = false;
};

// All of them, by engine request. Service's thread.
class Generations {
 public:
  explicit Generations(GenerationPorts ports);
  ~Generations();

  std::shared_ptr<Generation> start(GenerationSpec spec, Generation::Events events);

  // Work on text for somebody who waits, on a worker; `done` on the service's thread, with the
  // model. It holds a place of the user meanwhile. Errors: as of a generation that is refused.
  using TextWork = std::function<Result<nlohmann::ordered_json>(const ModelInfo&)>;
  void perform(const User& user, TextWork work,
               std::function<void(tl::expected<nlohmann::ordered_json, WireError>)> done);

  // Once per engine step; ids that are not here are ignored.
  void engine_progressed(std::span<const engine::RequestId> changed);

  // Now and then.
  void on_tick();

  // The server goes: each that is still running is told so.
  void end_all();
  // A key was revoked, or a user erased: what runs for them is told so and ends.
  void end_access(const AccessEnd& access);

  std::size_t live() const { return live_.size(); }
  const ChatService& service() const { return ports_.service; }
  const GenerationPorts& ports() const { return ports_; }

 private:
  friend class Generation;
  struct Place {
    Generation* generation = nullptr;
    std::size_t choice = 0;
  };
  tl::expected<Admission::Ticket, WireError> admit(const User& user) const;
  static void end_early(const std::shared_ptr<Generation>& generation, GenerationEnd how,
                        const WireError& before_start);
  std::size_t num_end_users(const User& user) const;  // with something running or waiting

  GenerationPorts ports_;
  OutputRules rules_;
  std::unordered_set<std::shared_ptr<Generation>> live_;
  std::unordered_map<engine::RequestId, Place> by_request_;
};

}  // namespace hearth::server
