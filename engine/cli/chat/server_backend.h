// A running server, over OpenAI's chat API.
#pragma once

#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/cli/chat/chat_backend.h"
#include "engine/cli/chat/http_client.h"

namespace hearth::engine {

// Asks the server which model it serves. `token`: a key, or the room's code; empty: none. Errors:
// those of call_server; unauthorized; io_error: this is no server of OpenAI's API.
Result<std::unique_ptr<ChatBackend>> open_server_backend(const ServerAddress& address,
                                                         const std::string& token);

// Server-sent events, out of bytes that come in any pieces: the data of each event, joined. Pure.
class EventReader {
 public:
  void push(std::string_view bytes, const std::function<void(const std::string& data)>& use);

 private:
  std::string line_;
  std::string data_;
};

}  // namespace hearth::engine
