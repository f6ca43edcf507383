// How a kernel body is written so that it runs on a device and, unchanged, in a test on the host.
//
// A body is a function of one thread block. What threads do is given to `each` as a lambda of the
// thread's index; what a thread keeps from one `each` to the next is a `Per<T>`, indexed by the
// thread. Control flow outside the lambdas is the same for the whole block, so loops may hold
// barriers. On the device a Per<T> is the thread's own T in registers, each calls the lambda once,
// and a barrier is __syncthreads; on the host each is a loop over the threads and a Per<T> an
// array.
//
//   each(f)        no barrier: f touches its own Per values, or memory that no other thread of the
//                  block writes before the next barrier
//   phase(f)       the same, with a barrier afterwards: f may write shared memory
//   warp_sum(v)    every lane gets the sum over its warp, in the order of a butterfly
//   warp_max(v)
//   publish()      what the block has written is visible to other blocks
//   take_ticket(p) adds 1 to *p and returns what was there; one thread calls it
//
// The host runs threads and blocks in either order, so that a body which depends on that order
// shows.
#pragma once

#include <cstddef>

#include "engine/cuda/kernels/numbers.h"

namespace hearth::engine::cuda {

constexpr int kThreads = 256;  // of every kernel
constexpr int kLanes = 32;
constexpr int kWarps = kThreads / kLanes;

// Blocks in three dimensions.
struct Grid {
  int x = 1;
  int y = 1;
  int z = 1;
};

// A few numbers of one thread.
template <int N>
struct Values {
  float v[N];
};

enum class HostOrder : uint8_t { forwards, backwards };

class HostBlock {
 public:
  template <class T>
  struct Per {
    T values[kThreads];
    T& operator[](int thread) { return values[thread]; }
    const T& operator[](int thread) const { return values[thread]; }
  };

  HostBlock(Grid index, Grid count, void* shared, HostOrder order)
      : index_(index), count_(count), shared_(shared), order_(order) {}

  Grid index() const { return index_; }
  Grid count() const { return count_; }
  void* shared() const { return shared_; }

  template <class F>
  void each(const F& f) const {
    for (int i = 0; i < kThreads; ++i) f(order_ == HostOrder::forwards ? i : kThreads - 1 - i);
  }
  template <class F>
  void phase(const F& f) const {
    each(f);
  }

  template <int N>
  void warp_sum(Per<Values<N>>& values) const {
    butterfly(values, [](float a, float b) { return a + b; });
  }
  template <int N>
  void warp_max(Per<Values<N>>& values) const {
    butterfly(values, [](float a, float b) { return a > b ? a : b; });
  }

  void publish() const {}
  int take_ticket(int* counter) const { return (*counter)++; }

 private:
  template <int N, class Join>
  void butterfly(Per<Values<N>>& values, const Join& join) const {
    for (int first = 0; first < kThreads; first += kLanes) {
      for (int offset = kLanes / 2; offset > 0; offset /= 2) {
        Values<N> joined[kLanes];
        for (int lane = 0; lane < kLanes; ++lane) {
          for (int i = 0; i < N; ++i) {
            joined[lane].v[i] =
                join(values[first + lane].v[i], values[first + (lane ^ offset)].v[i]);
          }
        }
        for (int lane = 0; lane < kLanes; ++lane) values[first + lane] = joined[lane];
      }
    }
  }

  Grid index_;
  Grid count_;
  void* shared_;
  HostOrder order_;
};

#if defined(__CUDACC__)

class DeviceBlock {
 public:
  template <class T>
  struct Per {
    T value;
    __device__ __forceinline__ T& operator[](int) { return value; }
    __device__ __forceinline__ const T& operator[](int) const { return value; }
  };

  __device__ __forceinline__ explicit DeviceBlock(void* shared) : shared_(shared) {}

  __device__ __forceinline__ Grid index() const {
    return {static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y),
            static_cast<int>(blockIdx.z)};
  }
  __device__ __forceinline__ Grid count() const {
    return {static_cast<int>(gridDim.x), static_cast<int>(gridDim.y), static_cast<int>(gridDim.z)};
  }
  __device__ __forceinline__ void* shared() const { return shared_; }

  template <class F>
  __device__ __forceinline__ void each(const F& f) const {
    f(static_cast<int>(threadIdx.x));
  }
  template <class F>
  __device__ __forceinline__ void phase(const F& f) const {
    f(static_cast<int>(threadIdx.x));
    __syncthreads();
  }

  template <int N>
  __device__ __forceinline__ void warp_sum(Per<Values<N>>& values) const {
    HEARTH_UNROLL
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      HEARTH_UNROLL
      for (int i = 0; i < N; ++i)
        values.value.v[i] += __shfl_xor_sync(0xFFFFFFFFU, values.value.v[i], offset);
    }
  }
  template <int N>
  __device__ __forceinline__ void warp_max(Per<Values<N>>& values) const {
    HEARTH_UNROLL
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      HEARTH_UNROLL
      for (int i = 0; i < N; ++i) {
        const float other = __shfl_xor_sync(0xFFFFFFFFU, values.value.v[i], offset);
        values.value.v[i] = values.value.v[i] > other ? values.value.v[i] : other;
      }
    }
  }

  __device__ __forceinline__ void publish() const {
    __threadfence();
    __syncthreads();
  }
  __device__ __forceinline__ int take_ticket(int* counter) const {
    const int ticket = atomicAdd(counter, 1);
    __threadfence();
    return ticket;
  }

 private:
  void* shared_;
};

#endif

}  // namespace hearth::engine::cuda
