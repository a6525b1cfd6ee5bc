// A CUDA device on the host: what a .cu file needs of the language to compile as plain C++ and run without a GPU.
//
// A launch runs the blocks of its grid one after the other. Within a block every thread is a fiber: it runs until it
// meets a barrier or a shuffle, then the next one runs; when all have come, all go on. The first thread of each warp
// always has a fiber; where it ends without having waited, no other thread of the warp may wait either, so the rest
// run as a plain loop, as fast as a function call. One launch runs at a time, as on one stream.
//
// It finds what a GPU would pass over in silence, and names kernel, block, thread, file and line:
//   a barrier, shuffle or ballot that only some threads reach   Error
//   an access outside a view                                    Error
//   shared memory read before the block has written it, used    Error, for shared_array and shared_pointer
//   outside, or used by two threads without a barrier between   (shared_memory.cuh)
// What else depends on an order, as blocks that meet in memory, or work that does not wait for the copy stream
// (graph.h), gives other results in another one. MIEN_EMULATOR_ORDER=reverse runs blocks, warps and threads last to
// first, random or random:SEED in an order that the seed picks; errors name it too. (A race that no order shows is not
// found: shared memory aside, nobody looks at who reads and who writes.)
//
// A debugger stops in a kernel as in any function: break matmul_naive if threadIdx.x == 3 && blockIdx.x == 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __shared__ static constinit

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

/// Waits until every thread of the warp is here.
void __syncwarp(SourcePlace place = SourcePlace::here());

/// Every thread of the warp gives eight bytes and takes those of lane `source`.
std::uint64_t exchange_in_warp(std::uint64_t bytes, int source, SourcePlace place);

/// Every thread of the warp gives `size` bytes, at most most_given; when all have, given_by(lane) is what a lane gave,
/// until the caller's next exchange.
inline constexpr std::size_t most_given = 32;
void give_to_warp(const void* bytes, std::size_t size, SourcePlace place);
const void* given_by(int lane);

/// The number of the running thread in its warp.
inline int own_lane() {
  return static_cast<int>((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32);
}

class AsyncCopies;
/// The copies that the running thread has under way (async_copies.h).
AsyncCopies& async_copies();

/// The launch's dynamic shared memory.
void* dynamic_shared_memory();

/// The order in which the threads of a launch run.
enum class ThreadOrder : std::uint8_t { forward, reverse, random };

/// Sets the order for the launches to come; `seed` picks one of the random ones. Until it is called, the environment
/// decides: MIEN_EMULATOR_ORDER=forward, reverse, random or random:SEED.
void set_thread_order(ThreadOrder order, std::uint64_t seed = 0);

/// The order that launches run in.
ThreadOrder thread_order();

/// Whether this thread captures a graph (graph.h): what it launches is then recorded, and not run.
bool is_recording();
void record_work(std::function<void()> work);

/// Calls thread(arguments) once for every thread of the grid. Throws Error for a launch that CUDA would refuse too,
/// and for what a thread threw or did wrong; an exception that is no mien::Error passes through unchanged.
void run_grid(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, void (*thread)(const void*),
              const void* arguments);

/// run_grid for a kernel and its arguments, or a record of it.
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
  if (is_recording())
    record_work([=] { run_grid(name, grid, block, shared_bytes, thread, &call); });
  else
    run_grid(name, grid, block, shared_bytes, thread, &call);
}

/// The value that lane `source` gives. The emulated twins of reduce.cuh's functions, which say what each does.
template <class T>
T shuffle_from(T value, int source, SourcePlace place = SourcePlace::here()) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, &value, sizeof value);
  bytes = exchange_in_warp(bytes, source & 31, place);
  std::memcpy(&value, &bytes, sizeof value);
  return value;
}

template <class T>
T shuffle_xor(T value, int mask, SourcePlace place = SourcePlace::here()) {
  return shuffle_from(value, own_lane() ^ mask, place);
}

template <class T>
T shuffle_down(T value, int distance, SourcePlace place = SourcePlace::here()) {
  return shuffle_from(value, own_lane() + distance < 32 ? own_lane() + distance : own_lane(), place);
}

unsigned ballot(bool value, SourcePlace place = SourcePlace::here());

inline bool any_of_warp(bool value, SourcePlace place = SourcePlace::here()) { return ballot(value, place) != 0; }
inline bool all_of_warp(bool value, SourcePlace place = SourcePlace::here()) {
  return ballot(value, place) == 0xFFFFFFFFu;
}

}  // namespace mien::kernels::emulated
