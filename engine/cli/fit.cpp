#include "engine/cli/fit.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <thread>

#include <nlohmann/json.hpp>

#include "engine/base/memory.h"
#include "engine/cli/inspect_tensor.h"
#include "engine/cli/model_folder.h"
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

// What --dtype auto would take here.
std::string chosen_dtype(const ModelSpec& spec) {
  const RunnerChoice choice = choose_runner(spec, {});
  for (const auto& [name, dtype] : kDtypeNames) {
    if (choice.packed && dtype == choice.dtype) return std::string(name);
  }
  return "fp32";
}

void print_json(const MachineMemory& machine, const std::vector<FitRow>& rows,
                const std::string& chosen) {
  nlohmann::ordered_json json = {{"available_bytes", machine.available_bytes},
                                 {"gb_per_s", machine.gb_per_s},
                                 {"auto", chosen}};
  for (const FitRow& row : rows) {
    json["dtypes"].push_back({{"dtype", row.dtype},
                              {"decoder", row.decoder},
                              {"weight_bytes", row.weight_bytes},
                              {"fits", row.fits},
                              {"kv_tokens", row.kv_tokens},
                              {"tokens_per_s", row.tokens_per_s}});
  }
  std::cout << json.dump(2) << '\n';
}

void print_row(const FitRow& row, bool is_chosen) {
  std::cout << std::left << std::setw(8) << (row.dtype + (is_chosen ? " *" : "")) << std::setw(20)
            << row.decoder << std::right << std::setw(12)
            << size_text(static_cast<double>(row.weight_bytes)) << "  ";
  if (!row.fits) {
    std::cout << "too large\n";
    return;
  }
  std::cout << "fits";
  if (row.kv_tokens > 0) {
    std::cout << ", with room for " << grouped(static_cast<std::uint64_t>(row.kv_tokens))
              << " tokens of conversation";
  }
  if (row.tokens_per_s > 0.0) {
    std::cout << "; at most " << std::fixed << std::setprecision(row.tokens_per_s < 10.0 ? 1 : 0)
              << row.tokens_per_s << " tokens/s";
  }
  std::cout << '\n';
}

}  // namespace

void print_fit(const ModelSpec& spec, std::uint64_t num_parameters, bool as_json) {
  const MachineMemory machine = measure_memory();
  const auto rows = fit_rows(spec, num_parameters, machine);
  const std::string chosen = chosen_dtype(spec);
  if (as_json) return print_json(machine, rows, chosen);
  std::cout << "This machine has " << size_text(static_cast<double>(machine.available_bytes))
            << " of memory free and reads it at " << std::fixed << std::setprecision(1)
            << machine.gb_per_s << " GB/s.\n\n--dtype decoder               weights\n";
  for (const FitRow& row : rows) print_row(row, row.dtype == chosen);
  std::cout
      << "\n* is what --dtype auto takes. Narrower weights are smaller and faster, and a little "
         "less exact\n(bench/results). A token of a reply reads every weight once: memory sets "
         "the pace of one reply.\n";
}

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
