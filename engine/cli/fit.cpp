#include "engine/cli/fit.h"

#include <algorithm>
#include <thread>

#include "engine/base/memory.h"
#include "engine/cpu/cpu_decoder.h"
#include "engine/cpu/cpu_weights.h"
#include "engine/cpu/machine_speed.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kProbeBytes = std::int64_t{256} << 20;
constexpr int kProbeRounds = 4;

FitRow row_of(const ModelSpec& spec, const MachineMemory& machine, const char* dtype,
              const char* decoder, std::int64_t weight_bytes, std::int64_t kv_element_bytes) {
  FitRow row{dtype, decoder, weight_bytes};
  const std::int64_t usable = machine.available_bytes / 10 * 9;
  row.fits = weight_bytes <= usable;
  const std::int64_t kv_bytes = kv_bytes_per_token(spec, kv_element_bytes);
  if (row.fits && kv_bytes > 0) row.kv_tokens = (usable - weight_bytes) / kv_bytes;
  // A token reads every weight once.
  const auto bytes = static_cast<double>(weight_bytes);
  if (bytes > 0.0) row.tokens_per_s = machine.gb_per_s * 1e9 / bytes;
  return row;
}

}  // namespace

std::vector<FitRow> fit_rows(const ModelSpec& spec, std::uint64_t num_parameters,
                             const MachineMemory& machine) {
  std::vector<FitRow> rows;
  const auto parameters = static_cast<std::int64_t>(num_parameters);
  rows.push_back(row_of(spec, machine, "fp32", "torch", 4 * parameters, 4));
  if (cpu::can_run(spec)) {
    constexpr const char* kPacked = "packed CPU decoder";
    rows.push_back(row_of(spec, machine, "bf16", kPacked,
                          cpu::packed_bytes(spec, cpu::WeightFormat::bf16), 2));
    rows.push_back(row_of(spec, machine, "int8", kPacked,
                          cpu::packed_bytes(spec, cpu::WeightFormat::int8), 2));
    rows.push_back(row_of(spec, machine, "int4", kPacked,
                          cpu::packed_bytes(spec, cpu::WeightFormat::int4), 2));
  } else {
    rows.push_back(row_of(spec, machine, "bf16", "torch", 2 * parameters, 2));
  }
  // What a token does not read: the embedding's other rows, where the head is a matrix of its own.
  const bool has_own_head = !spec.tied_embeddings && spec.network != Network::bert;
  const double unread = has_own_head
                            ? static_cast<double>(spec.vocab_size * spec.hidden_size) /
                                  static_cast<double>(std::max<std::int64_t>(parameters, 1))
                            : 0.0;
  for (FitRow& row : rows) row.tokens_per_s /= std::max(1.0 - unread, 0.05);
  return rows;
}

MachineMemory measure_memory() {
  MachineMemory machine;
  machine.available_bytes = available_memory();
  cpu::MachineSpeed speed(static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  if (!speed.prepare_reads(std::min(kProbeBytes, machine.available_bytes / 4))) return machine;
  for (int i = 0; i < kProbeRounds; ++i) {
    machine.gb_per_s = std::max(machine.gb_per_s, speed.read_gb_per_s());
  }
  return machine;
}

}  // namespace hearth::engine
