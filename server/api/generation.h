// One HTTP request's reply: admission, prompt, engine, text. The chat page's replies take the same
// steps (session/turn_starter.h, session/reply.h) but belong to a conversation; these belong to
// their HTTP request and end with it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"
#include "server/session/chat_service.h"
#include "server/session/engine_port.h"
#include "server/session/error_body.h"
#include "server/session/model_info.h"
#include "server/session/prompt_builder.h"
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
};

struct GenerationSpec {
  User user;
  std::vector<Turn> turns;
  GenerationParams params;
  std::int64_t num_top_logprobs = 0;
  bool ignore_eos = false;
};

enum class GenerationEnd { stop, length, failed, shut_down };

class Generations;

// Service's thread. Kept alive by Generations until it ended.
class Generation : public std::enable_shared_from_this<Generation> {
 public:
  struct Events {
    std::function<void()> started;                  // the prompt is with the engine
    std::function<void()> progressed;               // text() grew
    std::function<void(GenerationEnd)> ended;       // once, the last one; not after cancel()
    std::function<void(const WireError&)> refused;  // once, instead of everything else
  };

  Generation(Generations& owner, GenerationSpec spec, Events events);

  // The asker is gone: the engine stops before its next step. No event comes afterwards.
  void cancel();

  const ReplyText& text() const { return *text_; }                // once started
  const engine::TokenStream& tokens() const { return *stream_; }  // once started
  const ModelInfo& model() const { return *model_; }              // once started
  std::int64_t prompt_tokens() const { return prompt_tokens_; }
  std::int64_t completion_tokens() const;
  std::int64_t cached_tokens() const;

 private:
  friend class Generations;
  void start();
  void refuse(const WireError& error);
  void submit(Prompt prompt, engine::SamplingParams sampling);
  void pull();
  void end(GenerationEnd how);

  Generations& owner_;
  GenerationSpec spec_;
  Events events_;
  Admission::Ticket ticket_;
  std::shared_ptr<const ModelInfo> model_;
  std::optional<ReplyText> text_;
  std::shared_ptr<const engine::TokenStream> stream_;
  engine::RequestId request_ = 0;
  std::int64_t prompt_tokens_ = 0;
  bool is_over_ = false;
};

// All of them, by engine request. Service's thread.
class Generations {
 public:
  explicit Generations(GenerationPorts ports);
  ~Generations();

  std::shared_ptr<Generation> start(GenerationSpec spec, Generation::Events events);

  // Once per engine step; ids that are not here are ignored.
  void engine_progressed(std::span<const engine::RequestId> changed);

  // The server goes: each that is still running is told so.
  void end_all();

  std::size_t live() const { return by_request_.size(); }
  const ChatService& service() const { return ports_.service; }
  std::int64_t max_tokens() const { return ports_.max_tokens; }

 private:
  friend class Generation;
  GenerationPorts ports_;
  std::unordered_map<engine::RequestId, std::shared_ptr<Generation>> by_request_;
};

}  // namespace hearth::server
