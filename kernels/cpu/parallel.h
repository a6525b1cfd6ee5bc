// Threads for the CPU kernels, over OpenMP: work is cut into blocks whose number depends on the shape alone, and each
// thread takes a contiguous run of them and then helps the others. Sums are kept per block and added in the order of
// the blocks, so the bits of a result do not depend on how many threads there were.
#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

/// Elements of one block of an element-wise loop or a sum: enough to outweigh handing it to a thread, and few enough
/// (16 KB of floats) to stay in a core's first cache.
inline constexpr std::int64_t elements_per_block = 4096;

/// How many blocks of `block` elements cover `count`; the last may be short.
inline std::int64_t block_count(std::int64_t count, std::int64_t block) { return (count + block - 1) / block; }

/// What is left of a thread's own part of a loop, begin … end-1, in one word: the owner takes from the front while
/// others take from the back.
class alignas(64) LoopShare {
 public:
  void set(std::uint32_t begin, std::uint32_t end) { range_.store(pack(begin, end), std::memory_order_relaxed); }

  /// The first, or the last, of what is left; false where nothing is.
  bool take_first(std::uint32_t& taken) {
    return take([&](std::uint32_t& begin, std::uint32_t&) { taken = begin++; });
  }
  bool take_last(std::uint32_t& taken) {
    return take([&](std::uint32_t&, std::uint32_t& end) { taken = --end; });
  }

 private:
  static std::uint64_t pack(std::uint32_t begin, std::uint32_t end) { return std::uint64_t{begin} << 32 | end; }

  template <class Cut>
  bool take(const Cut& cut) {
    std::uint64_t range = range_.load(std::memory_order_relaxed);
    for (;;) {
      auto begin = static_cast<std::uint32_t>(range >> 32), end = static_cast<std::uint32_t>(range);
      if (begin >= end) return false;
      cut(begin, end);
      if (range_.compare_exchange_weak(range, pack(begin, end), std::memory_order_relaxed)) return true;
    }
  }

  std::atomic<std::uint64_t> range_ = 0;
};

/// The calling thread's, for a loop of its own: they grow once.
inline LoopShare* loop_shares(int threads) {
  static thread_local std::vector<LoopShare> shares;
  if (shares.size() < static_cast<std::size_t>(threads))
    shares = std::vector<LoopShare>(static_cast<std::size_t>(threads));
  return shares.data();
}

/// Calls body(i) once for each i in 0 … count-1, on all threads. Each begins with a contiguous run of i, the same ones
/// every time, so that it finds in its core's caches what it left there; a thread that is through with its run helps
/// another with the end of its. The first of a run is its owner's in any case: so every thread has met a loop once the
/// loop has run once, and its scratch memory is as large as it will be. The body must not throw, and must write only
/// what belongs to its i. One call alone, or a call from inside another parallel loop, runs on the calling thread; from
/// a thread of the caller's own it forms a team of its own.
template <class Body>
void parallel_for(std::int64_t count, const Body& body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(omp_get_max_threads(), count));
  if (threads <= 1 || omp_in_parallel()) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  // Of very many i, a few at a time: taking them costs as much as a short body.
  constexpr std::int64_t pieces_a_thread = 64;
  const std::int64_t piece = std::max<std::int64_t>(1, count / (threads * pieces_a_thread));
  const std::int64_t pieces = (count + piece - 1) / piece;
  LoopShare* const shares = loop_shares(threads);
  const auto first_piece = [&](int thread) { return pieces * thread / threads; };
  for (int thread = 0; thread < threads; ++thread)
    shares[thread].set(static_cast<std::uint32_t>(first_piece(thread) + 1),
                       static_cast<std::uint32_t>(first_piece(thread + 1)));
#pragma omp parallel num_threads(threads)
  {
    const auto run = [&](std::int64_t taken) {
      for (std::int64_t i = taken * piece, end = std::min(count, i + piece); i < end; ++i) body(i);
    };
    const int own = omp_get_thread_num(), team = omp_get_num_threads();
    for (int thread = own; thread < threads; thread += team) run(first_piece(thread));
    std::uint32_t taken = 0;
    while (shares[own].take_first(taken)) run(taken);
    for (int other = 1; other < threads; ++other)
      while (shares[(own + other) % threads].take_last(taken)) run(taken);
  }
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

/// `size` zeros or more, for the calling thread to hand to all: what a kernel reads outside of a picture.
inline const float* thread_zeros(std::int64_t size) {
  static thread_local std::vector<float> zeros;
  if (static_cast<std::int64_t>(zeros.size()) < size) zeros.assign(static_cast<std::size_t>(size), 0.0f);
  return zeros.data();
}

}  // namespace mien::kernels::cpu
