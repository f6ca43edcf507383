#include "engine/cpu/arena.h"

#include <utility>

#include <sys/mman.h>

#include "engine/base/check.h"

namespace hearth::engine::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t round_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

}  // namespace

Result<Arena> Arena::create(std::size_t bytes) {
  Arena arena;
  arena.size_ = round_up(bytes, kHugePage);
  arena.mapped_ = arena.size_ + kHugePage;
  arena.mapping_ = mmap(nullptr, arena.mapped_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena.mapping_ == MAP_FAILED) {
    arena.mapping_ = nullptr;
    return fail(ErrorCode::out_of_memory,
                "There is no room for " + std::to_string(bytes >> 20) + " MiB of memory.");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(arena.mapping_);
  arena.begin_ =
      static_cast<std::uint8_t*>(arena.mapping_) + (round_up(address, kHugePage) - address);
  madvise(arena.begin_, arena.size_, MADV_HUGEPAGE);  // a wish: small pages work too
  return arena;
}

Arena::~Arena() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_);
}

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
  std::swap(used_, other.used_);
  return *this;
}

std::uint8_t* Arena::take(std::size_t bytes) {
  const std::size_t rounded = round_up(bytes, kAlignment);
  CHECK(used_ + rounded <= size_);
  std::uint8_t* taken = begin_ + used_;
  used_ += rounded;
  return taken;
}

}  // namespace hearth::engine::cpu
