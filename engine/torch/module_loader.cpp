#include "engine/torch/module_loader.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include <dlfcn.h>

#include "engine/torch/module_entry.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModuleFile = "libhearth_torch.so";

// libtorch's OpenMP threads spin between two parallel regions unless told otherwise, and starve the
// server's own threads on a small machine (a tenfold loss on two busy cores). libgomp reads this
// when it is loaded; it is set before main, while no other thread can be reading the environment.
[[maybe_unused]] const int kPassiveWaiting = ::setenv("OMP_WAIT_POLICY", "passive", 0);

Result<fs::path> find_module() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  const std::array<fs::path, 2> places = {folder / kModuleFile,
                                          folder / "../lib/hearth" / kModuleFile};
  for (const fs::path& place : places) {
    if (fs::exists(place, error)) return place;
  }
  return fail(ErrorCode::engine_failed, std::string(kModuleFile) + " is neither in " +
                                            folder.string() + " nor in " +
                                            (folder / "../lib/hearth").lexically_normal().string() +
                                            "; build Hearth with HEARTH_TORCH=ON.");
}

template <class Function>
Function symbol(void* module, const char* name) {
  return reinterpret_cast<Function>(::dlsym(module, name));
}

struct TorchModule {
  TorchModuleFactory make_runner = nullptr;
  TorchModuleCuda finds_cuda = nullptr;
};

Result<TorchModule> load_module() {
  const auto path = find_module();
  if (!path) return tl::unexpected(path.error());
  // Never closed: its code and libtorch's threads live as long as any runner.
  void* const module = ::dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    const char* const reason = ::dlerror();
    return fail(ErrorCode::engine_failed, std::string("cannot load ") + kModuleFile + ": " +
                                              (reason == nullptr ? "unknown reason" : reason));
  }
  const auto abi = symbol<TorchModuleAbi>(module, kTorchModuleAbiSymbol);
  const TorchModule found = {symbol<TorchModuleFactory>(module, kTorchModuleFactorySymbol),
                             symbol<TorchModuleCuda>(module, kTorchModuleCudaSymbol)};
  const bool is_complete =
      abi != nullptr && found.make_runner != nullptr && found.finds_cuda != nullptr;
  if (!is_complete || abi() != torch_module_abi()) {
    return fail(ErrorCode::engine_failed,
                path->string() + " is of another build than this program; rebuild both.");
  }
  return found;
}

}  // namespace

bool torch_finds_cuda() {
  const auto module = load_module();
  return module && module->finds_cuda();
}

Result<std::unique_ptr<StepRunner>> load_torch_runner(const Checkpoint& checkpoint,
                                                      const ModelSpec& spec,
                                                      const RunnerOptions& options,
                                                      const ProgressSink& progress) {
  const auto module = load_module();
  if (!module) return tl::unexpected(module.error());
  const TorchModuleRequest request{&checkpoint, &spec, &options, &progress};
  TorchModuleResult result = fail(ErrorCode::internal, "the torch module gave no answer");
  module->make_runner(&request, &result);
  return result;
}

}  // namespace hearth::engine
