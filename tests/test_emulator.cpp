// The emulator itself: that it runs kernels as a GPU would, and finds what a GPU would pass over.
#define MIEN_KERNELS_EMULATED
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <vector>

#include "mien/kernels/cuda/reduce.cuh"
#include "mien/kernels/cuda/thread_order.h"
#include "mien/tests/emulator_order.h"

using namespace mien;
using namespace mien::kernels::emulated;
using namespace mien::testing;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

template <class T>
View<T> view(std::vector<T>& values) {
  return {values.data(), static_cast<std::int64_t>(values.size())};
}

int thread() { return static_cast<int>(threadIdx.x); }

__global__ void write_numbers(View<int> y) {
  const int block = static_cast<int>(blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z));
  const int in_block = static_cast<int>(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
  const int threads = static_cast<int>(blockDim.x * blockDim.y * blockDim.z);
  y[block * threads + in_block] += block * threads + in_block;
}

// Each thread takes the number of its neighbour in the block, which may be its own new one or the old: `waits` decides.
__global__ void add_neighbour(View<float> y, bool waits) {
  const int base = static_cast<int>(blockIdx.x) * 64;
  const float neighbour = y[base + (thread() ^ 1)];
  if (waits) __syncthreads();
  y[base + thread()] += neighbour;
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
  __shared__ shared_array<double, block_threads / warp_threads> warp_sums;
  const double first = block_sum(thread(), warp_sums);
  const double second = block_sum(first, warp_sums);
  y[thread()] = second;
}

// The lanes that shuffle_down, shuffle_from and ballot take from; y has 5 numbers a thread.
__global__ void ask_the_warp(View<int> y) {
  const int value = 100 + thread();
  y[5 * thread()] = shuffle_down(value, 3);
  y[5 * thread() + 1] = shuffle_from(value, 31 - thread() % 32);
  y[5 * thread() + 2] = static_cast<int>(ballot(thread() % 3 == 0));
  y[5 * thread() + 3] = any_of_warp(thread() == 40) + 2 * any_of_warp(false);
  y[5 * thread() + 4] = all_of_warp(thread() < 32) + 2 * all_of_warp(true);
}

__global__ void half_of_a_warp_waits() {
  if (thread() % 2 == 0) __syncwarp();
}

__global__ void half_of_a_warp_votes_elsewhere() {
  if (thread() % 2 == 0)
    ballot(true);
  else
    ballot(false);
}

// Threads that stand in a row, as a warp counts them: x first.
__global__ void lanes(View<int> y) {
  const int index = static_cast<int>(threadIdx.x + blockDim.x * threadIdx.y);
  y[index] = shuffle_xor(index, 1);
}

// Counts, maxima, and tickets of which each is drawn once.
__global__ void count_all(View<int> total, View<unsigned> largest, View<int> tickets, View<unsigned long long> first) {
  __shared__ shared_array<int, 1> in_block;
  if (thread() == 0) in_block[0] = 0;
  __syncthreads();
  const int ticket = atomicAdd(&in_block[0], 1);
  atomicAdd(&tickets[static_cast<int>(blockIdx.x) * 64 + ticket], 1);
  atomicMax(&largest[0], static_cast<unsigned>(global_thread()) * 7 % 128);
  const unsigned long long mine = static_cast<unsigned long long>(global_thread()) + 1;
  if (atomicCAS(&first[0], 0, mine) == 0) atomicAdd(&first[1], mine);
  __syncthreads();
  if (thread() == 0) atomicAdd(&total[0], in_block[0]);
}

__global__ void nothing() {}

std::vector<float> counted(int size) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) values[static_cast<std::size_t>(i)] = static_cast<float>(i);
  return values;
}

std::vector<float> with_neighbours(bool waits, const Order& order) {
  const OrderScope scope(order);
  std::vector<float> y = counted(128);
  launch("add_neighbour", add_neighbour, dim3(2), dim3(64), 0, view(y), waits);
  return y;
}

}  // namespace

TEST_CASE("every thread of a grid runs once, in any order", "[emulator]") {
  const OrderScope scope(any_order());
  std::vector<int> y(2 * 3 * 2 * 4 * 5 * 3, 0);
  launch("write_numbers", write_numbers, dim3(2, 3, 2), dim3(4, 5, 3), 0, view(y));
  for (int i = 0; i < static_cast<int>(y.size()); ++i) REQUIRE(y[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("threads exchange values across a barrier, in any order", "[emulator]") {
  const std::vector<float> y = with_neighbours(true, any_order());
  for (int i = 0; i < 128; ++i) REQUIRE(y[static_cast<std::size_t>(i)] == static_cast<float>(i + (i ^ 1)));
}

TEST_CASE("a random order is a permutation, follows from its seed, and is named by errors", "[emulator]") {
  const std::int64_t count = GENERATE(1, 2, 3, 31, 32, 33, 1000);
  const Turns turns(ThreadOrder::random, 5), same(ThreadOrder::random, 5), other(ThreadOrder::random, 6);
  std::vector<std::int64_t> order, again, by_other_seed, by_other_sequence, indices;
  for (std::int64_t step = 0; step < count; ++step) {
    order.push_back(turns.at(step, count, 7));
    again.push_back(same.at(step, count, 7));
    by_other_seed.push_back(other.at(step, count, 7));
    by_other_sequence.push_back(turns.at(step, count, 8));
    indices.push_back(step);
  }
  CHECK(order == again);
  CHECK(std::is_permutation(order.begin(), order.end(), indices.begin()));
  CHECK(std::is_permutation(by_other_sequence.begin(), by_other_sequence.end(), indices.begin()));
  if (count > 30) {
    CHECK(order != indices);
    CHECK(order != by_other_seed);
    CHECK(order != by_other_sequence);
  }
  // The largest grid: numbers stay inside.
  const std::int64_t most = 0x7FFFFFFF;
  CHECK((turns.at(most - 1, most, 0) >= 0 && turns.at(most - 1, most, 0) < most));

  const OrderScope scope(in_random_order(17));
  std::vector<float> y(40);
  CHECK_THROWS_WITH(launch("read_one_too_far", read_one_too_far, dim3(2), dim3(32), 0, view(y)),
                    EndsWith("(MIEN_EMULATOR_ORDER=random:17)"));
  CHECK_THROWS_WITH(launch("half_wait", half_wait, dim3(1), dim3(64), 0), EndsWith("(MIEN_EMULATOR_ORDER=random:17)"));
}

TEST_CASE("the environment names the order, by its seed if it is random", "[emulator]") {
  const auto named = [](const char* value) {
    ::setenv("MIEN_EMULATOR_ORDER", value, 1);
    const Turns turns = Turns::from_environment();
    ::unsetenv("MIEN_EMULATOR_ORDER");
    return turns.note();
  };
  CHECK(Turns::from_environment().note() == "");
  CHECK(named("forward") == "");
  CHECK(named("reverse") == " (MIEN_EMULATOR_ORDER=reverse)");
  CHECK(named("random:18446744073709551615") == " (MIEN_EMULATOR_ORDER=random:18446744073709551615)");
  CHECK_THAT(named("random"), StartsWith(" (MIEN_EMULATOR_ORDER=random:"));
  for (const char* const wrong :
       {"", "backwards", "random:", "random:x", "random:1x", "random:-1", "random:18446744073709551616"})
    CHECK_THROWS_WITH(named(wrong), Contains("is forward, reverse, random or random:SEED. Got"));
  ::unsetenv("MIEN_EMULATOR_ORDER");
}

TEST_CASE("a missing barrier shows as other results in another order", "[emulator]") {
  const std::vector<float> in_order = with_neighbours(false, testing::forward);
  CHECK(in_order != with_neighbours(false, testing::reverse));
  CHECK(in_order != with_neighbours(false, in_random_order(1)));
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
  const OrderScope scope(testing::reverse);
  CHECK_THROWS_WITH(launch("odd_threads_wait", odd_threads_wait, dim3(1), dim3(64), 0),
                    Contains("reached by 16 of 64 threads") || Contains("ended before it."));
}

TEST_CASE("threads that wait at different barriers are told apart", "[emulator]") {
  CHECK_THROWS_WITH(launch("wait_at_two_places", wait_at_two_places, dim3(1), dim3(64), 0),
                    Contains("thread (32,0,0) waits at the barrier at test_emulator.cpp:"));
}

TEST_CASE("an access outside a view names kernel, block and thread", "[emulator]") {
  std::vector<float> y(40);
  CHECK_THROWS_WITH(
      launch("read_one_too_far", read_one_too_far, dim3(2), dim3(32), 0, view(y)),
      StartsWith("[read_one_too_far] block (1,0,0), thread (8,0,0): [view] element 40 lies outside a view of "
                 "40 elements, at test_emulator.cpp:"));
}

TEST_CASE("an exception in a kernel passes through launch and unwinds the threads that wait", "[emulator]") {
  int alive = 0;
  CHECK_THROWS_AS(launch("throw_after_barrier", throw_after_barrier, dim3(3), dim3(64), 0, &alive), std::domain_error);
  CHECK(alive == 0);
  // And the emulator is as good as new.
  CHECK(with_neighbours(true, testing::forward)[0] == 1.0f);
}

TEST_CASE("shuffles sum a warp and keep their rounds apart", "[emulator]") {
  const OrderScope scope(any_order());
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
  const OrderScope scope(any_order());
  std::vector<double> y(block_threads);
  launch("sum_block", sum_block, dim3(1), dim3(block_threads), 0, view(y));
  for (const double value : y) REQUIRE(value == 256.0 * (255.0 * 128.0));
}

TEST_CASE("a warp's threads take each other's values and votes, in any order", "[emulator]") {
  const OrderScope scope(any_order());
  std::vector<int> y(5 * 64);
  launch("ask_the_warp", ask_the_warp, dim3(1), dim3(64), 0, view(y));
  for (int i = 0; i < 64; ++i) {
    const int* const own = &y[static_cast<std::size_t>(5 * i)];
    const int begin = i / 32 * 32;
    unsigned votes = 0;
    for (int lane = 0; lane < 32; ++lane) votes |= (begin + lane) % 3 == 0 ? 1u << lane : 0u;
    INFO("thread " << i);
    CHECK(own[0] == 100 + (i % 32 < 29 ? i + 3 : i));
    CHECK(own[1] == 100 + begin + 31 - i % 32);
    CHECK(static_cast<unsigned>(own[2]) == votes);
    CHECK(own[3] == (i < 32 ? 0 : 1));
    CHECK(own[4] == (i < 32 ? 3 : 2));
  }
  y.resize(64);
  launch("lanes", lanes, dim3(1), dim3(8, 8), 0, view(y));
  for (int i = 0; i < 64; ++i) CHECK(y[static_cast<std::size_t>(i)] == (i ^ 1));
}

TEST_CASE("a __syncwarp or a ballot that not all of a warp reach together is an error", "[emulator]") {
  CHECK_THROWS_WITH(launch("half_of_a_warp_waits", half_of_a_warp_waits, dim3(1), dim3(64), 0),
                    Contains("the __syncwarp at test_emulator.cpp:"));
  CHECK_THROWS_WITH(launch("votes", half_of_a_warp_votes_elsewhere, dim3(1), dim3(64), 0),
                    Contains("thread (1,0,0) waits at the shuffle at test_emulator.cpp:") &&
                        Contains("others of its warp at the shuffle at test_emulator.cpp:"));
}

TEST_CASE("atomic functions count every thread once, in any order", "[emulator]") {
  const OrderScope scope(any_order());
  std::vector<int> total(1), tickets(128);
  std::vector<unsigned> largest(1);
  std::vector<unsigned long long> first(2);
  launch("count_all", count_all, dim3(2), dim3(64), 0, view(total), view(largest), view(tickets), view(first));
  CHECK(total[0] == 128);
  CHECK(largest[0] == 127);
  CHECK(tickets == std::vector<int>(128, 1));
  CHECK(first[0] != 0);
  CHECK(first[0] == first[1]);  // one thread alone found 0
  int number = std::numeric_limits<int>::max();
  CHECK(atomicAdd(&number, 1) == std::numeric_limits<int>::max());
  CHECK(number == std::numeric_limits<int>::min());
}

TEST_CASE("launches that CUDA refuses are refused, and an empty grid is no work", "[emulator]") {
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1), dim3(1025), 0), Contains("1 to 1024 threads"));
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1), dim3(0), 0), Contains("1 to 1024 threads"));
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1, 65536), dim3(1), 0), Contains("65535"));
  CHECK_THROWS_WITH(launch("nothing", nothing, dim3(1), dim3(1), 49 * 1024), Contains("shared memory"));
  CHECK_NOTHROW(launch("nothing", nothing, dim3(0), dim3(32), 0));
}
