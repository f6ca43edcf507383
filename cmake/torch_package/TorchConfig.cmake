# The libtorch inside a Python package of torch, for ./dev check-torch2. The package's own configuration wants the whole CUDA toolkit that
# it was built with; to compile and link Hearth's module its headers and its processor half are enough.
set(package "${HEARTH_TORCH_PACKAGE}")
add_library(torch INTERFACE IMPORTED GLOBAL)
target_include_directories(torch SYSTEM INTERFACE "${package}/include" "${package}/include/torch/csrc/api/include")
target_link_libraries(torch INTERFACE "${package}/lib/libtorch_cpu.so" "${package}/lib/libc10.so")
target_link_options(torch INTERFACE "-Wl,-rpath,${package}/lib")
set(Torch_FOUND TRUE)
