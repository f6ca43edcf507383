// hearth bench: how fast the engine is here, against what this machine can do at most.
#pragma once

namespace CLI {
class App;
}

namespace hearth::engine {

// Prints a table, or with --json one object: {machine, decoder, dtype, threads, read_gb_s,
// read_4gib_gb_s, peaks, load_s, memory, results, paired, logits_hash}; results: [{phase: "decode"
// | "prefill", dtype, batch, context, tokens, tokens_per_s, min, max, bandwidth_fraction,
// peak_fraction}], medians with minimum and maximum.
void add_bench_command(CLI::App& app);

}  // namespace hearth::engine
