// A CUDA device on the host: what a .cu file needs of the language to compile as plain C++ and run without a GPU.
//
// A launch runs the blocks of its grid one after the other. Within a block every thread is a fiber: it runs until it
// meets a barrier or a shuffle, then the next one runs; when all have come, all go on. The first thread of each warp
// always has a fiber; where it ends without having waited, no other thread of the warp may wait either, so the rest
// run as a plain loop, as fast as a function call. One launch runs at a time, as on one stream.
//
// It finds what a GPU would pass over in silence:
//   a barrier or shuffle that only some threads reach    Error, naming kernel, block and threads
//   an access outside a view                             Error, naming kernel, block and thread
//   shared memory read before it is written              it holds NaN at the start of each block
//   a missing barrier                                    other results under MIEN_EMULATOR_ORDER=reverse, where
//                                                        blocks, warps and threads run last to first
// (g++ 12 leaves the shared arrays of kernel templates out of the third; reverse order finds most of those.)
//
// A debugger stops in a kernel as in any function: break matmul_naive if threadIdx.x == 3 && blockIdx.x == 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __shared__ static __attribute__((section("mien_shared")))

namespace mien::kernels::emulated {

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};

/// The thread that runs now, and the launch it belongs to.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

/// Where in the source a thread waits; as a default argument, where the call stands.
struct SourcePlace {
  const char* file = "";
  int line = 0;
  static constexpr SourcePlace here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  friend bool operator==(SourcePlace a, SourcePlace b) { return a.line == b.line && std::strcmp(a.file, b.file) == 0; }
};

/// Waits until every thread of the block is here.
void __syncthreads(SourcePlace place = SourcePlace::here());

/// Every thread of the warp gives eight bytes and takes those of lane `source`.
std::uint64_t exchange_in_warp(std::uint64_t bytes, int source, SourcePlace place);

/// The launch's dynamic shared memory.
void* dynamic_shared_memory();

/// The order in which the threads of a launch run.
enum class ThreadOrder : std::uint8_t { forward, reverse };

/// Sets the order for the launches to come. Until it is called, the environment decides: MIEN_EMULATOR_ORDER=reverse.
void set_thread_order(ThreadOrder order);

/// Calls thread(arguments) once for every thread of the grid. Throws Error for a launch that CUDA would refuse too,
/// and for what a thread threw or did wrong; an exception that is no mien::Error passes through unchanged.
void run_grid(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
              const void* arguments);

/// run_grid for a kernel and its arguments.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            const Arguments&... arguments) {
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> arguments;
  };
  const Call call{kernel, std::tuple<Parameters...>(arguments...)};
  const auto thread = [](const void* data) {
    const Call& call = *static_cast<const Call*>(data);
    std::apply(call.kernel, call.arguments);
  };
  run_grid(name, grid, block, shared_bytes, thread, &call);
}

/// The emulated twin of __shfl_xor_sync: the value that lane (own lane ^ mask) gives.
template <class T>
T shuffle_xor(T value, int mask, SourcePlace place = SourcePlace::here()) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, &value, sizeof value);
  bytes = exchange_in_warp(bytes, static_cast<int>(threadIdx.x % 32) ^ mask, place);
  std::memcpy(&value, &bytes, sizeof value);
  return value;
}

}  // namespace mien::kernels::emulated
