#include "engine/cpu/instruction_set.h"

namespace hearth::engine::cpu {
namespace {

const KernelTable* table_of(std::string_view name) {
  if (name == "scalar") return &scalar_kernels();
#if defined(__x86_64__)
  if (name == "avx2") return &avx2_kernels();
  if (name == "avx512") return &avx512_kernels();
  if (name == "avx512-bf16") return &avx512_bf16_kernels();
#endif
  return nullptr;
}

}  // namespace

std::vector<std::string_view> available_kernels() {
  std::vector<std::string_view> names = {"scalar"};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c"))
    return names;
  names.push_back("avx2");
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512vnni")) {
    return names;
  }
  names.push_back("avx512");
  if (__builtin_cpu_supports("avx512bf16")) names.push_back("avx512-bf16");
#endif
  return names;
}

Result<const KernelTable*> choose_kernels(std::string_view name) {
  const std::vector<std::string_view> names = available_kernels();
  if (name == "auto") return table_of(names.back());
  std::string list;
  for (const std::string_view available : names) {
    if (available == name) return table_of(name);
    list += list.empty() ? "" : ", ";
    list += available;
  }
  return fail(ErrorCode::usage, "This processor cannot run the instruction set \"" +
                                    std::string(name) + "\"; it can run " + list + ".");
}

}  // namespace hearth::engine::cpu
