#include "engine/base/gpu_memory.h"

#include <cstddef>

#include <dlfcn.h>

namespace hearth {
namespace {

// The few functions of the driver's interface, as cuda.h declares them; 0 means success.
class Driver {
 public:
  Driver() {
    library_ = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);  // never closed
    if (library_ == nullptr) return;
    is_complete_ = find(init_, "cuInit") && find(device_count_, "cuDeviceGetCount") &&
                   find(device_, "cuDeviceGet") && find(retain_, "cuDevicePrimaryCtxRetain") &&
                   find(release_, "cuDevicePrimaryCtxRelease_v2") &&
                   find(push_, "cuCtxPushCurrent_v2") && find(pop_, "cuCtxPopCurrent_v2") &&
                   find(memory_, "cuMemGetInfo_v2");
  }

  int num_devices() const {
    int count = 0;
    const bool is_there = is_complete_ && init_(0) == 0 && device_count_(&count) == 0;
    return is_there ? count : 0;
  }

  // 0 when the driver does not say.
  std::int64_t free_bytes(int index) const {
    int device = 0;
    void* context = nullptr;
    if (device_(&device, index) != 0 || retain_(&context, device) != 0) return 0;
    std::size_t free = 0;
    std::size_t total = 0;
    if (push_(context) == 0) {
      if (memory_(&free, &total) != 0) free = 0;
      pop_(&context);
    }
    release_(device);
    return static_cast<std::int64_t>(free);
  }

 private:
  template <class Function>
  bool find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(library_, name));
    return function != nullptr;
  }

  void* library_ = nullptr;
  bool is_complete_ = false;
  int (*init_)(unsigned) = nullptr;
  int (*device_count_)(int*) = nullptr;
  int (*device_)(int*, int) = nullptr;
  int (*retain_)(void**, int) = nullptr;
  int (*release_)(int) = nullptr;
  int (*push_)(void*) = nullptr;
  int (*pop_)(void**) = nullptr;
  int (*memory_)(std::size_t*, std::size_t*) = nullptr;
};

}  // namespace

std::vector<std::int64_t> free_gpu_memory() {
  const Driver driver;
  std::vector<std::int64_t> free;
  for (int i = 0; i < driver.num_devices(); ++i) free.push_back(driver.free_bytes(i));
  return free;
}

}  // namespace hearth
