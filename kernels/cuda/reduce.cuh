// Sums and maxima across threads.
//
// A GPU has thousands of threads and a sum has one result, so a long sum is taken in stages: each thread adds its own
// elements, the threads of a warp add their results by shuffles, the warps of a block theirs through shared memory, and
// a second kernel adds what the blocks left. Which element belongs to which thread follows from the shape alone and
// nothing is added atomically, so the same input gives the same bits every time. Sums run in double: reading an element
// takes longer than adding it, and a mean over a million floats keeps its seven digits.
//
// What is summed is a functor, `term(kept, i)`: element i of sum number `kept`. What happens to a sum is another,
// `finish(kept, sum)`.
#pragma once

#include "mien/kernels/cuda/launch.h"
#include "mien/kernels/cuda/scratch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// Threads that run in step and can read each other's registers.
inline constexpr int warp_threads = 32;

// Every thread of the warp must call these. The emulator has its own of the same names (emulator.h).
#if !defined(MIEN_KERNELS_EMULATED)
/// The value of lane (own lane ^ mask).
template <class T>
__device__ T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xFFFFFFFFu, value, mask);
}

/// The value of the lane `distance` further on; the last lanes keep their own.
template <class T>
__device__ T shuffle_down(T value, int distance) {
  return __shfl_down_sync(0xFFFFFFFFu, value, static_cast<unsigned>(distance));
}

/// The value of lane `source`.
template <class T>
__device__ T shuffle_from(T value, int source) {
  return __shfl_sync(0xFFFFFFFFu, value, source);
}

/// Bit i: whether lane i's value is true.
__device__ inline unsigned ballot(bool value) { return __ballot_sync(0xFFFFFFFFu, value); }

/// Whether any lane's value is true, and whether all are.
__device__ inline bool any_of_warp(bool value) { return __any_sync(0xFFFFFFFFu, value) != 0; }
__device__ inline bool all_of_warp(bool value) { return __all_sync(0xFFFFFFFFu, value) != 0; }
#endif

/// The sum over the warp, the same bits in every lane: at each step both partners add the same two numbers.
template <class T>
__device__ T warp_sum(T value) {
  for (int mask = warp_threads / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}

/// The larger of two; a NaN is larger than anything.
__device__ inline float larger(float a, float b) { return a > b || a != a ? a : b; }

/// The maximum over the warp, in every lane.
__device__ inline float warp_maximum(float value) {
  for (int mask = warp_threads / 2; mask > 0; mask /= 2) value = larger(value, shuffle_xor(value, mask));
  return value;
}

/// The sum over a block of block_threads, in every thread. `warp_sums` is shared memory of the caller's.
__device__ inline double block_sum(double value, shared_array<double, block_threads / warp_threads>& warp_sums) {
  const int thread = static_cast<int>(threadIdx.x);
  value = warp_sum(value);
  if (thread % warp_threads == 0) warp_sums[thread / warp_threads] = value;
  __syncthreads();
  double sum = 0;
  for (int warp = 0; warp < block_threads / warp_threads; ++warp) sum += warp_sums[warp];
  __syncthreads();  // nobody writes the next sum's parts before all have read these
  return sum;
}

/// Terms that a thread adds alone before the stages begin to pay.
inline constexpr int short_sum = 64;
/// Terms that one block adds.
inline constexpr int block_terms = 4096;

/// Short sums: a thread each.
template <class Term, class Finish>
__global__ void sum_in_thread(Term term, Finish finish, int kept_count, int count) {
  const int kept = global_thread();
  if (kept >= kept_count) return;
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += term(kept, i);
  finish(kept, sum);
}

/// First stage of long sums: block `part` of a sum adds terms part * block_terms and on.
template <class Term>
__global__ void sum_in_block(Term term, View<double> partial, int kept_count, int count) {
  __shared__ shared_array<double, block_threads / warp_threads> warp_sums;
  const int kept = static_cast<int>(blockIdx.x) % kept_count, part = static_cast<int>(blockIdx.x) / kept_count;
  const int begin = part * block_terms;
  const int end = begin + block_terms < count ? begin + block_terms : count;
  double sum = 0;
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += block_threads) sum += term(kept, i);
  sum = block_sum(sum, warp_sums);
  if (threadIdx.x == 0) partial[std::int64_t{part} * kept_count + kept] = sum;
}

/// Second stage: a thread for each sum adds what its blocks found, in their order.
template <class Finish>
__global__ void finish_sums(View<const double> partial, Finish finish, int kept_count, int parts) {
  const int kept = global_thread();
  if (kept >= kept_count) return;
  double sum = 0;
  for (int part = 0; part < parts; ++part) sum += partial[std::int64_t{part} * kept_count + kept];
  finish(kept, sum);
}

/// For each `kept` < kept_count: finish(kept, sum over i < count of term(kept, i)).
template <class Term, class Finish>
void sum_each(const char* name, Term term, Finish finish, std::int64_t kept_count, std::int64_t count) {
  const int sums = index_count(name, kept_count), terms = index_count(name, count);
  if (terms <= short_sum) {
    launch_each(name, sum_in_thread<Term, Finish>, sums, term, finish, sums, terms);
    return;
  }
  const int parts = static_cast<int>(divide_up(terms, block_terms));
  const std::int64_t blocks = std::int64_t{sums} * parts;
  const Scratch scratch(blocks * static_cast<std::int64_t>(sizeof(double)));
  const View<double> partial = scratch.view<double>(blocks);
  launch(name, sum_in_block<Term>, dim3(static_cast<unsigned>(index_count(name, blocks))), dim3(block_threads), 0, term,
         partial, sums, terms);
  launch_each(name, finish_sums<Finish>, sums, View<const double>(partial), finish, sums, parts);
}

/// Shape of a block that sums columns: neighbouring threads take neighbouring columns, so that reads are contiguous.
inline constexpr int column_threads = 32, row_threads = 8;
/// Rows that one such block adds.
inline constexpr int block_rows = 1024;

/// First stage of sums over the rows of a (rows, columns) array, every column its own sum.
template <class Term>
__global__ void sum_columns_in_block(Term term, View<double> partial, int columns, int rows) {
  __shared__ shared_array<double, row_threads, column_threads> parts;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.y) * column_threads + x, part = static_cast<int>(blockIdx.x);
  const int begin = part * block_rows, end = begin + block_rows < rows ? begin + block_rows : rows;
  double sum = 0;
  if (column < columns)
    for (int row = begin + y; row < end; row += row_threads) sum += term(column, row);
  parts[y][x] = sum;
  __syncthreads();
  if (y == 0 && column < columns) {
    sum = 0;
    for (int i = 0; i < row_threads; ++i) sum += parts[i][x];
    partial[std::int64_t{part} * columns + column] = sum;
  }
}

/// As sum_each, for terms that lie row by row: term(column, row).
template <class Term, class Finish>
void sum_columns(const char* name, Term term, Finish finish, std::int64_t column_count, std::int64_t row_count) {
  const int columns = index_count(name, column_count), rows = index_count(name, row_count);
  const int parts = static_cast<int>(divide_up(rows, block_rows));
  const std::int64_t count = std::int64_t{parts} * columns;
  const Scratch scratch(count * static_cast<std::int64_t>(sizeof(double)));
  const View<double> partial = scratch.view<double>(count);
  const dim3 grid(static_cast<unsigned>(parts), grid_extent(name, divide_up(columns, column_threads)));
  launch(name, sum_columns_in_block<Term>, grid, dim3(column_threads, row_threads), 0, term, partial, columns, rows);
  launch_each(name, finish_sums<Finish>, columns, View<const double>(partial), finish, columns, parts);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
