// What a prepared turn becomes: rows of the history, and a reply for the engine. Pure.
#pragma once

#include <cstdint>

#include "engine/runtime/request.h"
#include "server/session/clock.h"
#include "server/session/pending_turn.h"
#include "server/session/reply.h"

namespace hearth::server {

// Sets turn.reply and the times of its messages and conversation; gives what is to be stored.
NewTurn make_rows(PendingTurn& turn, const RandomBytes& random, std::int64_t now_ms);

// After the rows are stored. Takes the ticket, the prompt's ids and what a branch gave.
Reply::Spec make_spec(PendingTurn& turn, engine::RequestId request, bool is_inspected);

// The answer to the asker. `spec` is that of the turn.
ServerMessage accepted_message(const PendingTurn& turn, const Reply::Spec& spec,
                               const std::string& re, bool duplicate);

}  // namespace hearth::server
