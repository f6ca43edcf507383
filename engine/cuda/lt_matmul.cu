#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <dlfcn.h>

#include "engine/cuda/lt_matmul_cuda.h"

#ifndef HEARTH_CUBLASLT_FILE  // where the build found it
#define HEARTH_CUBLASLT_FILE ""
#endif

namespace hearth::engine::cuda {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
constexpr int kCandidates = 8;
constexpr int kTimedRuns = 5;

cudaDataType type_of(Numbers numbers) {
  return numbers == Numbers::fp32   ? CUDA_R_32F
         : numbers == Numbers::fp16 ? CUDA_R_16F
                                    : CUDA_R_16BF;
}

// Sizes whose products are timed once for all: algorithms differ little between neighbours.
int rounded_tokens(int tokens) {
  if (tokens <= 64) return (tokens + 15) / 16 * 16;
  if (tokens <= 256) return (tokens + 63) / 64 * 64;
  int rounded = 512;
  while (rounded < tokens) rounded *= 2;
  return rounded;
}

}  // namespace

struct LtMatmul::Library {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) check = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;

  bool load() {
    const std::string soname = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
    void* library = ::dlopen(soname.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed
    if (library == nullptr) library = ::dlopen(HEARTH_CUBLASLT_FILE, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    const auto find = [library](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      return function != nullptr;
    };
    return find(create, "cublasLtCreate") && find(destroy, "cublasLtDestroy") &&
           find(desc_create, "cublasLtMatmulDescCreate") &&
           find(desc_destroy, "cublasLtMatmulDescDestroy") &&
           find(desc_set, "cublasLtMatmulDescSetAttribute") &&
           find(layout_create, "cublasLtMatrixLayoutCreate") &&
           find(layout_destroy, "cublasLtMatrixLayoutDestroy") &&
           find(preference_create, "cublasLtMatmulPreferenceCreate") &&
           find(preference_destroy, "cublasLtMatmulPreferenceDestroy") &&
           find(preference_set, "cublasLtMatmulPreferenceSetAttribute") &&
           find(heuristic, "cublasLtMatmulAlgoGetHeuristic") &&
           find(check, "cublasLtMatmulAlgoCheck") && find(matmul, "cublasLtMatmul");
  }
};

// The product in cublasLt's column-major terms: outᵀ [rows, T] = matrix [k, rows]ᵀ · xᵀ [k, T].
struct LtMatmul::Problem {
  const Library& library;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t matrix = nullptr;
  cublasLtMatrixLayout_t x = nullptr;
  cublasLtMatrixLayout_t out = nullptr;
  float beta = 0.0F;

  Problem(const Library& from, const MatmulArgs& args)
      : library(from), beta(args.accumulate ? 1.0F : 0.0F) {
    const cudaDataType type = type_of(args.matrix.numbers);
    const auto k = static_cast<std::uint64_t>(args.matrix.k);
    const auto rows = static_cast<std::uint64_t>(args.matrix.rows);
    const auto tokens = static_cast<std::uint64_t>(args.num_tokens);
    library.desc_create(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    const cublasOperation_t transposed = CUBLAS_OP_T;
    library.desc_set(desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed);
    library.layout_create(&matrix, type, k, rows, args.matrix.stride);
    library.layout_create(&x, type, k, tokens, args.matrix.stride);
    library.layout_create(&out, CUDA_R_32F, rows, tokens, args.out_stride);
  }
  ~Problem() {
    if (out != nullptr) library.layout_destroy(out);
    if (x != nullptr) library.layout_destroy(x);
    if (matrix != nullptr) library.layout_destroy(matrix);
    if (desc != nullptr) library.desc_destroy(desc);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
};

Result<std::unique_ptr<LtMatmul>> LtMatmul::open(const Options& options) {
  auto library = std::make_unique<Library>();
  if (!library->load()) {
    return fail(ErrorCode::engine_failed, "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR) +
                                              " is not found; add its folder to LD_LIBRARY_PATH.");
  }
  std::unique_ptr<LtMatmul> made(new LtMatmul(std::move(library), options));
  if (made->library_->create(&made->handle_) != CUBLAS_STATUS_SUCCESS)
    return fail(ErrorCode::engine_failed, "cublasLt does not start on this GPU.");
  if (cudaMalloc(&made->workspace_, kWorkspaceBytes) != cudaSuccess)
    return fail(ErrorCode::out_of_memory, "The GPU has no memory for cublasLt's workspace.");
  return made;
}

LtMatmul::LtMatmul(std::unique_ptr<Library> library, const Options& options)
    : library_(std::move(library)), options_(options) {}

LtMatmul::~LtMatmul() {
  if (workspace_ != nullptr) cudaFree(workspace_);
  if (handle_ != nullptr) library_->destroy(handle_);
}

cudaError_t LtMatmul::run(const MatmulArgs& args, bool is_recording) {
  const Problem problem(*library_, args);
  bool is_found = false;
  const cublasLtMatmulAlgo_t algorithm = choose(problem, args, is_recording, is_found);
  if (!is_found) return cudaErrorNotSupported;
  const float one = 1.0F;
  const cublasStatus_t status =
      library_->matmul(handle_, problem.desc, &one, args.matrix.data, problem.matrix, args.x,
                       problem.x, &problem.beta, args.out, problem.out, args.out, problem.out,
                       &algorithm, workspace_, kWorkspaceBytes, options_.stream);
  return status == CUBLAS_STATUS_SUCCESS ? cudaSuccess : cudaErrorUnknown;
}

cublasLtMatmulAlgo_t LtMatmul::choose(const Problem& problem, const MatmulArgs& args,
                                      bool is_recording, bool& is_found) {
  const Key key{args.matrix.rows, args.matrix.k, args.matrix.numbers,
                rounded_tokens(args.num_tokens), args.accumulate};
  const auto known = chosen_.find(key);
  if (known != chosen_.end()) {
    cublasLtMatmulHeuristicResult_t result = {};
    is_found = library_->check(handle_, problem.desc, problem.matrix, problem.x, problem.out,
                               problem.out, &known->second, &result) == CUBLAS_STATUS_SUCCESS &&
               result.workspaceSize <= kWorkspaceBytes;
    if (is_found) return known->second;
  }
  cublasLtMatmulPreference_t preference = nullptr;
  library_->preference_create(&preference);
  library_->preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                           sizeof kWorkspaceBytes);
  cublasLtMatmulHeuristicResult_t candidates[kCandidates] = {};
  int count = 0;
  const cublasStatus_t status =
      library_->heuristic(handle_, problem.desc, problem.matrix, problem.x, problem.out,
                          problem.out, preference, kCandidates, candidates, &count);
  library_->preference_destroy(preference);
  is_found = status == CUBLAS_STATUS_SUCCESS && count > 0;
  if (!is_found || known != chosen_.end()) return candidates[0].algo;

  cublasLtMatmulAlgo_t best = candidates[0].algo;
  float* scratch = nullptr;
  const std::size_t scratch_bytes = static_cast<std::size_t>(args.out_stride) *
                                    static_cast<std::size_t>(args.num_tokens) * sizeof(float);
  if (is_recording) return best;
  if (options_.times_algorithms && count > 1 &&
      cudaMalloc(reinterpret_cast<void**>(&scratch), scratch_bytes) == cudaSuccess) {
    float fastest = std::numeric_limits<float>::infinity();
    for (int i = 0; i < count; ++i) {
      const float took = milliseconds(problem, args, candidates[i].algo, scratch);
      if (took >= fastest) continue;
      fastest = took;
      best = candidates[i].algo;
    }
    cudaFree(scratch);
  }
  cudaGetLastError();  // what timing failed at does not matter
  chosen_.emplace(key, best);
  return best;
}

// Into `scratch`, so that what is there stays. Infinity for an algorithm that fails.
float LtMatmul::milliseconds(const Problem& problem, const MatmulArgs& args,
                             const cublasLtMatmulAlgo_t& algorithm, float* scratch) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  const float one = 1.0F;
  bool is_sound = true;
  for (int i = 0; i <= kTimedRuns && is_sound; ++i) {
    if (i == 1) cudaEventRecord(begin, options_.stream);  // the first warms up
    is_sound = library_->matmul(handle_, problem.desc, &one, args.matrix.data, problem.matrix,
                                args.x, problem.x, &problem.beta, args.out, problem.out, scratch,
                                problem.out, &algorithm, workspace_, kWorkspaceBytes,
                                options_.stream) == CUBLAS_STATUS_SUCCESS;
  }
  float took = std::numeric_limits<float>::infinity();
  cudaEventRecord(end, options_.stream);
  if (cudaEventSynchronize(end) == cudaSuccess && is_sound) cudaEventElapsedTime(&took, begin, end);
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return took;
}

}  // namespace hearth::engine::cuda
