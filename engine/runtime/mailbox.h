// The way into the engine thread, and the only mutex of the runtime. Any thread posts; the engine
// thread takes everything at once.
//
// It is not bounded here: every request was admitted by the service, whose per-user and total
// limits bound the number of live requests, and a request is cancelled by its owner at most a few
// times.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"

namespace hearth::engine {

struct SubmitCommand {
  GenerationRequest request;
  std::shared_ptr<TokenStream> stream;
};

struct CancelCommand {
  RequestId id = 0;
};

// The thoughts of a reply end; the answer begins.
struct AnswerCommand {
  RequestId id = 0;
};

using Command = std::variant<SubmitCommand, CancelCommand, AnswerCommand>;

class Mailbox {
 public:
  enum class Wait { none, until_mail };

  // Any thread. False, with the command untouched, after close(): nobody will read it.
  bool post(Command& command);

  // Engine thread: moves all mail into `commands` (which it replaces), in the order posted. With
  // until_mail it sleeps while there is none. False when closed; the mail that came before is still
  // handed over.
  bool take(std::vector<Command>& commands, Wait wait);

  // Any thread, any number of times.
  void close();

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable mail_or_closed_;
  std::vector<Command> commands_;
  bool is_closed_ = false;
};

}  // namespace hearth::engine
