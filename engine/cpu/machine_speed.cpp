#include "engine/cpu/machine_speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "engine/cpu/instruction_set.h"

namespace hearth::engine::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kPiece = std::int64_t{1} << 20;  // a worker reads this much at a time
constexpr std::int64_t kRounds = 20'000;                // of multiply-adds, some ten microseconds
constexpr int kPiecesPerThread = 200;
constexpr int kRepeats = 5;  // of which the fastest counts

const ProbeTable& best_probes() {
#if defined(__x86_64__)
  const std::string_view best = available_kernels().back();
  if (best == "avx512-bf16") return avx512_bf16_probes();
  if (best == "avx512") return avx512_probes();
  if (best == "avx2") return avx2_probes();
#endif
  return scalar_probes();
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

MachineSpeed::MachineSpeed(int num_threads) : probes_(best_probes()), pool_(num_threads) {}

template <class Run>
double MachineSpeed::giga_ops(std::int64_t ops_per_round, const Run& run) {
  double best = 0.0;
  std::atomic<std::int64_t> sink{0};
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const Clock::time_point begin = Clock::now();
    const std::int64_t pieces = pool_.size() * kPiecesPerThread;
    pool_.for_each(pieces, 1, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t piece = first; piece < last; ++piece)
        sink.fetch_add(static_cast<std::int64_t>(run(kRounds)), std::memory_order_relaxed);
    });
    const double ops = static_cast<double>(ops_per_round * kRounds * pieces);
    best = std::max(best, ops / seconds_since(begin) * 1e-9);
  }
  sink_ += static_cast<std::uint64_t>(sink.load());
  return best;
}

ComputePeaks MachineSpeed::compute_peaks() {
  ComputePeaks peaks;
  peaks.fp32_gflops = giga_ops(probes_.fp32_ops, probes_.fp32);
  if (probes_.int8 != nullptr) peaks.int8_gops = giga_ops(probes_.int8_ops, probes_.int8);
  if (probes_.bf16 != nullptr) peaks.bf16_gflops = giga_ops(probes_.bf16_ops, probes_.bf16);
  return peaks;
}

Result<void> MachineSpeed::prepare_reads(std::int64_t bytes) {
  bytes_ = (bytes + kPiece - 1) / kPiece * kPiece;
  auto buffer = Arena::create(static_cast<std::size_t>(bytes_));
  if (!buffer) return tl::unexpected(buffer.error());
  buffer_ = std::move(*buffer);
  data_ = buffer_.take(static_cast<std::size_t>(bytes_));
  pool_.for_each(bytes_ / kPiece, 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::fill(data_ + begin * kPiece, data_ + end * kPiece, std::uint8_t{1});
  });
  return {};
}

double MachineSpeed::read_gb_per_s() {
  std::atomic<std::uint64_t> sum{0};
  const Clock::time_point begin = Clock::now();
  pool_.for_each(bytes_ / kPiece, 1, [&](std::int64_t first, std::int64_t last, int) {
    const std::uint64_t part = probes_.read(data_ + first * kPiece, (last - first) * kPiece);
    sum.fetch_add(part, std::memory_order_relaxed);
  });
  const double seconds = seconds_since(begin);
  sink_ += sum.load();
  return static_cast<double>(bytes_) / seconds * 1e-9;
}

}  // namespace hearth::engine::cpu
