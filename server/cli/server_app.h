// A whole server: store, service, engine, network, put together and run.
#pragma once

#include "engine/base/error.h"
#include "server/config.h"

namespace hearth::server {

// Checks the folder and the data, listens, loads the weights in the background, serves until
// SIGTERM or SIGINT, drains. Errors: everything that stops it before it serves; afterwards a model
// that does not load is told to the clients instead.
Result<void> run_server(const Config& config);

}  // namespace hearth::server
