// The one binary: `hearth` with its sub-commands. Exit codes: 0 done, 1 failed, 2 bad usage.
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "engine/cli/bench.h"
#include "engine/cli/chat/chat.h"
#include "engine/cli/classify.h"
#include "engine/cli/generate.h"
#include "engine/cli/inspect.h"
#include "engine/cli/logits.h"
#include "engine/cli/models.h"
#include "engine/cli/sample.h"
#include "engine/cli/template.h"
#include "engine/cli/tokenize.h"
#ifdef HEARTH_WITH_SERVER
#include "server/cli/data_commands.h"
#include "server/cli/serve.h"
#endif

namespace {

constexpr int kBadUsage = 2;

int run(int argc, char** argv) {
  CLI::App app("One box, one model, the whole room.", "hearth");
  app.set_version_flag("--version", HEARTH_VERSION);
  app.require_subcommand(1);
#ifdef HEARTH_WITH_SERVER
  hearth::server::add_serve_command(app);
  hearth::server::add_key_command(app);
  hearth::server::add_backup_command(app);
#endif
  hearth::engine::add_chat_command(app);
  hearth::engine::add_generate_command(app);
  hearth::engine::add_tokenize_command(app);
  hearth::engine::add_detokenize_command(app);
  hearth::engine::add_template_command(app);
  hearth::engine::add_inspect_command(app);
  hearth::engine::add_logits_command(app);
  hearth::engine::add_sample_command(app);
  hearth::engine::add_classify_command(app);
  hearth::engine::add_models_command(app);
  hearth::engine::add_bench_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& error) {  // a command that failed has said why
    return error.get_exit_code();
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << "hearth: " << error.what() << "\nTry hearth --help.\n";
    return kBadUsage;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "hearth: " << error.what() << '\n';
    return 1;
  }
}
