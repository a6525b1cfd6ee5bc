// Threads for the CPU kernels, over OpenMP: work is cut into blocks whose number depends on the shape alone, and each
// thread takes a contiguous run of them. Sums are kept per block and added in the order of the blocks, so the bits of a
// result do not depend on how many threads there were.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

/// Elements of one block of an element-wise loop or a sum: enough to outweigh handing it to a thread, and few enough
/// (16 KB of floats) to stay in a core's first cache.
inline constexpr std::int64_t elements_per_block = 4096;

/// How many blocks of `block` elements cover `count`; the last may be short.
inline std::int64_t block_count(std::int64_t count, std::int64_t block) { return (count + block - 1) / block; }

/// Calls body(i) once for each i in 0 … count-1, on all threads, each a contiguous run of i. The body must not throw,
/// and must write only what belongs to its i. One call alone, or a call from inside another parallel loop, runs on the
/// calling thread; from a thread of the caller's own it forms a team of its own.
template <class Body>
void parallel_for(std::int64_t count, const Body& body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(omp_get_max_threads(), count));
  if (threads <= 1 || omp_in_parallel()) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t i = 0; i < count; ++i) body(i);
}

/// Calls body(begin, end) for each block of `block` neighbouring elements of 0 … count-1, on all threads.
template <class Body>
void parallel_blocks(std::int64_t count, std::int64_t block, const Body& body) {
  parallel_for(block_count(count, block), [&](std::int64_t i) { body(i * block, std::min(count, (i + 1) * block)); });
}

/// Calls body(begin, end) on blocks of elements_per_block: for element-wise loops.
template <class Body>
void parallel_elements(std::int64_t count, const Body& body) {
  parallel_blocks(count, elements_per_block, body);
}

/// The sum of body(begin, end), a T, over the blocks of `block` elements of 0 … count-1, added in the blocks' order.
template <class T, class Body>
T block_sum(std::int64_t count, std::int64_t block, const Body& body) {
  static thread_local std::vector<T> storage;  // grows once; the other threads reach the caller's through `partial`
  const std::int64_t blocks = block_count(count, block);
  if (static_cast<std::int64_t>(storage.size()) < blocks) storage.resize(static_cast<std::size_t>(blocks));
  T* const partial = storage.data();
  parallel_blocks(count, block,
                  [&](std::int64_t begin, std::int64_t end) { partial[begin / block] = body(begin, end); });
  T sum{};
  for (std::int64_t i = 0; i < blocks; ++i) sum += partial[i];
  return sum;
}

/// Memory that grows when more is asked for, and then forgets what it held.
class GrowingBlock {
 public:
  GrowingBlock() = default;
  ~GrowingBlock() { release(block_); }
  GrowingBlock(const GrowingBlock&) = delete;
  GrowingBlock& operator=(const GrowingBlock&) = delete;

  /// At least `size` floats, 64-byte aligned.
  float* floats(std::int64_t size) {
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
    if (bytes > bytes_) {
      release(block_);
      block_ = nullptr, bytes_ = 0;
      allocate(bytes, &block_);
      bytes_ = bytes;
    }
    return static_cast<float*>(block_);
  }

 private:
  void* block_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A buffer of `size` floats that belongs to the calling thread, one for each `Owner` type: it grows once and is kept,
/// so that work of a fixed shape allocates nothing after its first run. Contents are undefined; 64-byte aligned.
template <class Owner>
float* thread_scratch(std::int64_t size) {
  static thread_local GrowingBlock block;
  return block.floats(size);
}

}  // namespace mien::kernels::cpu
