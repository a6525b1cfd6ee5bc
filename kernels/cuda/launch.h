// How the .cu files start their kernels, the same for a GPU and for the emulator.
//
// Each .cu is compiled twice: by nvcc into mien::kernels::cuda, and with MIEN_KERNELS_EMULATED defined, as plain C++,
// into mien::kernels::emulated. MIEN_CUDA_NAMESPACE is the one that is being compiled. What this asks of a kernel:
// started through launch(), arguments by value, every thread reaches every barrier, shuffles through reduce.cuh, shared
// memory as shared_memory.cuh has it.
#pragma once

#include <cstdint>
#include <limits>

#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"

#if defined(MIEN_KERNELS_EMULATED)
#include "mien/kernels/cuda/emulator.h"
#define MIEN_CUDA_NAMESPACE emulated
#else
#include <cuda_runtime.h>
#define MIEN_CUDA_NAMESPACE cuda
#endif
#include "mien/kernels/cuda/shared_memory.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

#if defined(MIEN_KERNELS_EMULATED)

/// The dynamic shared memory of this launch, as elements of type T.
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(dynamic_shared_memory());
}

#else

/// The stream that all of mien's work goes through, in the order of the calls.
cudaStream_t stream();

/// Throws Error with CUDA's own words where a call has failed.
inline void check_cuda(cudaError_t result, const char* where) {
  check(result == cudaSuccess, where, "CUDA: ", cudaGetErrorString(result), ".");
}

/// The dynamic shared memory of this launch, as elements of type T.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
}

/// Starts `kernel` on a grid of blocks. Nothing happens where the grid is empty. Throws Error where CUDA refuses.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = grid, config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes, config.stream = stream();
  check_cuda(cudaLaunchKernelEx(&config, kernel, arguments...), name);
}

#endif

/// Threads of a block where nothing speaks for another number.
inline constexpr int block_threads = 256;

/// Parts of `size` that `count` falls into, the last perhaps not full.
MIEN_HOST_DEVICE constexpr std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

/// `count` as an int: the kernels index with 32 bits, which saves half the registers. Throws Error where it is more,
/// with room left for the threads that a last block has too many.
inline int index_count(const char* name, std::int64_t count) {
  check(count <= std::numeric_limits<int>::max() - 65536, name,
        "a CUDA kernel indexes at most 2147418111 elements. Got ", count, ".");
  return static_cast<int>(count);
}

/// `count` blocks as the y or z extent of a grid. Throws Error where CUDA does not allow as many.
inline unsigned grid_extent(const char* name, std::int64_t count) {
  check(count <= 65535, name, "a CUDA grid has at most 65535 blocks along y and z. Got ", count, ".");
  return static_cast<unsigned>(count);
}

/// The number of this thread in a grid of one axis.
__device__ inline int global_thread() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

/// Starts one thread for each of `count` elements; the kernel guards against the last block's surplus.
template <class... Parameters, class... Arguments>
void launch_each(const char* name, void (*kernel)(Parameters...), std::int64_t count, const Arguments&... arguments) {
  const std::int64_t blocks = divide_up(index_count(name, count), block_threads);
  launch(name, kernel, dim3(static_cast<unsigned>(blocks)), dim3(block_threads), 0, arguments...);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
