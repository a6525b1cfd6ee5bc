// The emulator itself: that it runs kernels as a GPU would, and finds what a GPU would pass over.
#define MIEN_KERNELS_EMULATED
#include <catch2/catch.hpp>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "mien/kernels/cuda/reduce.cuh"

using namespace mien;
using namespace mien::kernels::emulated;
using Catch::Contains;

namespace {

template <class T>
View<T> view(std::vector<T>& values) {
  return {values.data(), static_cast<std::int64_t>(values.size())};
}

// The thread order of a scope; forward afterwards.
struct Order {
  explicit Order(ThreadOrder order) { set_thread_order(order); }
  ~Order() { set_thread_order(ThreadOrder::forward); }
};

int thread() { return static_cast<int>(threadIdx.x); }

__global__ void write_numbers(View<int> y) {
  const int block = static_cast<int>(blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z));
  const int in_block = static_cast<int>(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
  const int threads = static_cast<int>(blockDim.x * blockDim.y * blockDim.z);
  y[block * threads + in_block] += block * threads + in_block;
}

// Each block turns 64 numbers round through shared memory; `waits` is what makes it right.
__global__ void turn_round(View<float> y, bool waits) {
  __shared__ float numbers[64];
  const int base = static_cast<int>(blockIdx.x) * 64;
  numbers[thread()] = y[base + thread()];
  if (waits) __syncthreads();
  y[base + thread()] = numbers[63 - thread()];
}

__global__ void half_wait() {
  if (thread() < 32) __syncthreads();
}

__global__ void late_half_waits() {
  if (thread() >= 32) __syncthreads();
}

__global__ void odd_threads_wait() {
  if (thread() % 2 == 1) __syncthreads();
}

__global__ void wait_at_two_places() {
  if (thread() < 32)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void read_one_too_far(View<float> y) {
  const int i = global_thread();
  if (i <= y.size) y[i] = 1.0f;
}

struct Counted {
  explicit Counted(int* count) : count(count) { ++*count; }
  ~Counted() { --*count; }
  int* count;
};

__global__ void throw_after_barrier(int* alive) {
  const Counted counted(alive);
  __syncthreads();
  if (thread() == 40) throw std::domain_error("thread 40");
  __syncthreads();
}

__global__ void sum_warps(View<int> y) { y[global_thread()] = warp_sum(thread()); }

__global__ void several_shuffles(View<int> y) {
  int value = thread() % 32;
  for (int mask = 1; mask < 32; mask *= 2) value = shuffle_xor(value, mask) * 2 + value;
  y[thread()] = value;
}

__global__ void divergent_shuffle(View<int> y) {
  if (thread() != 5) y[thread()] = warp_sum(thread());
}

__global__ void sum_block(View<double> y) {
  __shared__ double warp_sums[block_threads / warp_threads];
  const double first = block_sum(thread(), warp_sums);
  const double second = block_sum(first, warp_sums);
  y[thread()] = second;
}

__global__ void read_unwritten(View<float> y) {
  __shared__ float stale[32];
  float* const dynamic = dynamic_shared<float>();
  y[thread()] = blockIdx.x == 1 ? stale[thread()] + dynamic[thread()] : 0.0f;
  __syncthreads();
  stale[thread()] = dynamic[thread()] = 1.0f;
}

__global__ void nothing() {}

std::vector<float> counted(int size) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) values[static_cast<std::size_t>(i)] = static_cast<float>(i);
  return values;
}

std::vector<float> turned(bool waits, ThreadOrder order) {
  const Order scope(order);
  std::vector<float> y = counted(128);
  launch("turn_round", turn_round, dim3(2), dim3(64), 0, view(y), waits);
  return y;
}

}  // namespace

TEST_CASE("every thread of a grid runs once, in either order", "[emulator]") {
  const Order scope(GENERATE(ThreadOrder::forward, ThreadOrder::reverse));
  std::vector<int> y(2 * 3 * 2 * 4 * 5 * 3, 0);
  launch("write_numbers", write_numbers, dim3(2, 3, 2), dim3(4, 5, 3), 0, view(y));
  for (int i = 0; i < static_cast<int>(y.size()); ++i) REQUIRE(y[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("threads exchange values across a barrier, in either order", "[emulator]") {
  const std::vector<float> y = turned(true, GENERATE(ThreadOrder::forward, ThreadOrder::reverse));
  for (int i = 0; i < 128; ++i)
    REQUIRE(y[static_cast<std::size_t>(i)] == static_cast<float>(i / 64 * 64 + 63 - i % 64));
}

TEST_CASE("a missing barrier shows as other results in reverse order", "[emulator]") {
  const std::vector<float> forward = turned(false, ThreadOrder::forward), reverse = turned(false, ThreadOrder::reverse);
  const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  CHECK_FALSE(std::equal(forward.begin(), forward.end(), reverse.begin(), same));
  // It shows in forward order too: the first thread reads what nobody has written yet.
  CHECK(std::isnan(forward[0]));
}

TEST_CASE("a barrier that only some threads reach names kernel, block and threads", "[emulator]") {
  CHECK_THROWS_WITH(launch("half_wait", half_wait, dim3(1), dim3(64), 0),
                    Contains("[half_wait] block (0,0,0): the barrier at test_emulator.cpp:") &&
                        Contains("reached by 32 of 64 threads; thread (32,0,0) and 31 more ended before it."));
  CHECK_THROWS_WITH(launch("late_half_waits", late_half_waits, dim3(1), dim3(64), 0),
                    Contains("32 of 64 threads; thread (0,0,0) and 31 more ended before it."));
  CHECK_THROWS_WITH(launch("odd_threads_wait", odd_threads_wait, dim3(1), dim3(64), 0),
                    Contains("[odd_threads_wait] block (0,0,0), thread (1,0,0): the barrier at test_emulator.cpp:") &&
                        Contains("thread (0,0,0) ended before it."));
  const Order scope(ThreadOrder::reverse);
  CHECK_THROWS_WITH(launch("odd_threads_wait", odd_threads_wait, dim3(1), dim3(64), 0),
                    Contains("reached by 16 of 64 threads") || Contains("ended before it."));
}

TEST_CASE("threads that wait at different barriers are told apart", "[emulator]") {
  CHECK_THROWS_WITH(launch("wait_at_two_places", wait_at_two_places, dim3(1), dim3(64), 0),
                    Contains("thread (32,0,0) waits at the barrier at test_emulator.cpp:"));
}

TEST_CASE("an access outside a view names kernel, block and thread", "[emulator]") {
  std::vector<float> y(40);
  CHECK_THROWS_WITH(launch("read_one_too_far", read_one_too_far, dim3(2), dim3(32), 0, view(y)),
                    "[read_one_too_far] block (1,0,0), thread (8,0,0): [view] element 40 lies outside a view of 40 "
                    "elements.");
}

TEST_CASE("an exception in a kernel passes through launch and unwinds the threads that wait", "[emulator]") {
  int alive = 0;
  CHECK_THROWS_AS(launch("throw_after_barrier", throw_after_barrier, dim3(3), dim3(64), 0, &alive), std::domain_error);
  CHECK(alive == 0);
  // And the emulator is as good as new.
  CHECK(turned(true, ThreadOrder::forward)[0] == 63.0f);
}

TEST_CASE("shuffles sum a warp and keep their rounds apart", "[emulator]") {
  const Order scope(GENERATE(ThreadOrder::forward, ThreadOrder::reverse));
  std::vector<int> y(64);
  launch("sum_warps", sum_warps, dim3(1), dim3(64), 0, view(y));
  for (int i = 0; i < 64; ++i) REQUIRE(y[static_cast<std::size_t>(i)] == (i < 32 ? 31 * 16 : 31 * 16 + 32 * 32));

  std::vector<int> expected(32), before;
  for (int i = 0; i < 32; ++i) expected[static_cast<std::size_t>(i)] = i;
  for (int mask = 1; mask < 32; mask *= 2) {
    before = expected;
    for (int i = 0; i < 32; ++i)
      expected[static_cast<std::size_t>(i)] =
          before[static_cast<std::size_t>(i ^ mask)] * 2 + before[static_cast<std::size_t>(i)];
  }
  y.resize(32);
  launch("several_shuffles", several_shuffles, dim3(1), dim3(32), 0, view(y));
  CHECK(y == expected);
}

TEST_CASE("a shuffle that not all of a warp reach is an error", "[emulator]") {
  std::vector<int> y(64);
  CHECK_THROWS_WITH(launch("divergent_shuffle", divergent_shuffle, dim3(1), dim3(64), 0, view(y)),
                    Contains("is reached by 31 of the 32 threads of warp 0"));
  CHECK_THROWS_WITH(launch("sum_warps", sum_warps, dim3(1), dim3(40), 0, view(y)), Contains("the block has no more"));
}

TEST_CASE("a block's sums are right one after the other", "[emulator]") {
  const Order scope(GENERATE(ThreadOrder::forward, ThreadOrder::reverse));
  std::vector<double> y(block_threads);
  launch("sum_block", sum_block, dim3(1), dim3(block_threads), 0, view(y));
  for (const double value : y) REQUIRE(value == 256.0 * (255.0 * 128.0));
}

TEST_CASE("shared memory holds NaN at the start of each block", "[emulator]") {
  std::vector<float> y(32);
  launch("read_unwritten", read_unwritten, dim3(2), dim3(32), 32 * sizeof(float), view(y));
  for (const float value : y) REQUIRE(std::isnan(value));
}

TEST_CASE("launches that CUDA refuses are refused, and an empty grid is no work", "[emulator]") {
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1), dim3(1025), 0), Contains("1 to 1024 threads"));
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1), dim3(0), 0), Contains("1 to 1024 threads"));
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1, 65536), dim3(1), 0), Contains("65535"));
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1), dim3(1), 49 * 1024), Contains("shared memory"));
  CHECK_NOTHROW(launch("nothing", nothing, dim3(0), dim3(32), 0));
}
