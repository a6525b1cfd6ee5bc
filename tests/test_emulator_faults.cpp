// Each fault that the emulator is there to find, planted in block 1 of a kernel: seen, with the kernel, the block, the
// thread, the file and the line.
#define MIEN_KERNELS_EMULATED
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "mien/kernels/cuda/reduce.cuh"
#include "mien/tests/emulator_order.h"

using namespace mien;
using namespace mien::kernels::emulated;
using namespace mien::testing;

namespace {

int thread() { return static_cast<int>(threadIdx.x); }
bool faulty() { return blockIdx.x == 1; }

int line = 0;  // where the fault stands that was met last

__global__ void divergent_barrier(View<float>) {
  if (!faulty() || thread() < 48) line = __LINE__, __syncthreads();
}

__global__ void two_barriers(View<float>) {
  if (faulty() && thread() < 48) {
    __syncthreads();
  } else {
    line = __LINE__, __syncthreads();
  }
}

__global__ void divergent_shuffle(View<float> y) {
  if (!faulty() || thread() != 40) line = __LINE__, y[global_thread()] = shuffle_xor(1.0f, 16);
}

__global__ void divergent_warp_barrier(View<float>) {
  if (!faulty() || thread() >= 8) line = __LINE__, __syncwarp();
}

__global__ void read_outside_view(View<float> y) {
  const int i = faulty() && thread() == 63 ? 1000 : global_thread();
  line = __LINE__, y[global_thread()] = y[i] + 1.0f;
}

__global__ void write_outside_view(View<float> y) {
  line = __LINE__, y[faulty() && thread() == 5 ? -1 : global_thread()] = 1.0f;
}

__global__ void outside_shared(View<float> y) {
  __shared__ shared_array<float, 2, 32> tile;
  line = __LINE__, tile[thread() / 32][thread() % 32 + (faulty() ? 1 : 0)] = y[thread()];
}

__global__ void outside_dynamic(View<float> y) {
  const shared_pointer<float> tile = dynamic_shared<float>();
  line = __LINE__, tile[thread() + (faulty() ? 1 : 0)] = y[thread()];
}

// As product_tiled is: a template.
template <int size>
__global__ void unwritten_shared(View<float> y) {
  __shared__ shared_array<float, size> tile;
  if (!faulty() || thread() != 7) tile[thread()] = y[thread()];
  __syncthreads();
  line = __LINE__, y[global_thread()] = tile[thread()];
}

__global__ void unwritten_dynamic(View<float> y) {
  const shared_pointer<float> tile = dynamic_shared<float>();
  if (!faulty() || thread() < 48) tile[thread()] = y[thread()];
  __syncthreads();
  line = __LINE__, y[global_thread()] = tile[thread()];
}

template <int size>
__global__ void missing_barrier(View<float> y) {
  __shared__ shared_array<float, size> tile;
  tile[thread()] = y[global_thread()];
  if (!faulty()) __syncthreads();
  line = __LINE__, y[global_thread()] = tile[thread() ^ 1];
}

__global__ void missing_second_barrier(View<float> y) {
  __shared__ shared_array<float, 64> tile;
  for (int step = 0; step < 2; ++step) {
    tile[thread()] = y[global_thread()] + static_cast<float>(step);
    __syncthreads();
    line = __LINE__, y[global_thread()] = tile[thread() ^ 1];
    if (!faulty()) __syncthreads();
  }
}

__global__ void unordered_sum(View<float> y) {
  __shared__ shared_array<float, 1> sum;
  if (thread() == 0) sum[0] = 0.0f;
  __syncthreads();
  if (faulty()) line = __LINE__, sum[0] += y[thread()];
}

// Where blocks meet in memory of the device there is no element to watch: it is the results that differ.
__global__ void sum_of_blocks(View<float> y) {
  if (thread() == 0) y[0] = y[0] / 2 + static_cast<float>(blockIdx.x);
}

// The block whose turn is the second of three gets 2: last to first it is the same one as first to last.
__global__ void draw_tickets(View<int> ticket, View<int> tickets) {
  tickets[static_cast<int>(blockIdx.x)] = ++ticket[0];
}

using Kernel = void (*)(View<float>);

// What the emulator says of a kernel.
std::string said(Kernel kernel) {
  std::vector<float> y(192, 1.0f);
  try {
    launch("kernel", kernel, dim3(3), dim3(64), 64 * sizeof(float), View<float>{y.data(), 192});
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

std::string place() { return join("test_emulator_faults.cpp:", line); }

// What the emulator says of a kernel is: block 1, `before`, the place of the fault, `after`.
void check_said(Kernel kernel, const char* before, const char* after) {
  const std::string message = said(kernel);
  CHECK(message == join("[kernel] block (1,0,0)", before, " at ", place(), after));
}

}  // namespace

TEST_CASE("planted: a barrier that part of a block passes by", "[emulator]") {
  check_said(divergent_barrier, ": the barrier",
             " is reached by 48 of 64 threads; thread (48,0,0) and 15 more ended before it.");
  const std::string two = said(two_barriers);
  CHECK(two.starts_with(join("[kernel] block (1,0,0): thread (48,0,0) waits at the barrier at ", place(),
                             ", others at the one at test_emulator_faults.cpp:")));
}

TEST_CASE("planted: a shuffle or a __syncwarp that part of a warp passes by", "[emulator]") {
  check_said(divergent_shuffle, ": the shuffle", " is reached by 31 of the 32 threads of warp 1.");
  check_said(divergent_warp_barrier, ", thread (8,0,0): the __syncwarp",
             " is not reached by all threads; thread (0,0,0) and 7 more ended before it.");
}

TEST_CASE("planted: an access outside a view", "[emulator]") {
  check_said(read_outside_view, ", thread (63,0,0): [view] element 1000 lies outside a view of 192 elements,", ".");
  check_said(write_outside_view, ", thread (5,0,0): [view] element -1 lies outside a view of 192 elements,", ".");
}

TEST_CASE("planted: an access outside shared memory, static and dynamic", "[emulator]") {
  check_said(outside_shared, ", thread (31,0,0): element 32 lies outside shared memory of 32 elements,", ".");
  check_said(outside_dynamic, ", thread (63,0,0): element 64 lies outside shared memory of 64 elements,", ".");
}

TEST_CASE("planted: shared memory that nobody has written, of a kernel template and dynamic", "[emulator]") {
  const char* const rule = " that no thread of the block has written.";
  check_said(unwritten_shared<64>, ", thread (7,0,0): shared memory is read", rule);
  check_said(unwritten_dynamic, ", thread (48,0,0): shared memory is read", rule);
}

TEST_CASE("planted: a missing barrier", "[emulator]") {
  // First to last, thread 0 reads before thread 1 writes: what it sees is what nobody has written.
  check_said(missing_barrier<64>, ", thread (0,0,0): shared memory is read",
             " that no thread of the block has written.");
  check_said(missing_second_barrier, ", thread (1,0,0): shared memory is read",
             " that thread (0,0,0) has written since the last barrier.");
  check_said(unordered_sum, ", thread (1,0,0): shared memory is read",
             " that thread (0,0,0) has written since the last barrier.");
  const OrderScope scope(in_random_order(3));
  const std::string random = said(missing_barrier<64>);
  CHECK(random.starts_with("[kernel] block (1,0,0), thread ("));
  CHECK(random.find("shared memory is read at " + place()) != std::string::npos);
  CHECK(random.ends_with(" (MIEN_EMULATOR_ORDER=random:3)"));
}

TEST_CASE("planted: blocks that depend on their order", "[emulator]") {
  const auto sum = [](const Order& order) {
    const OrderScope scope(order);
    float y = 0;
    launch("sum_of_blocks", sum_of_blocks, dim3(5), dim3(32), 0, View<float>{&y, 1});
    return y;
  };
  CHECK(sum(testing::forward) != sum(testing::reverse));
  CHECK(sum(testing::forward) != sum(in_random_order(1)));

  const auto second = [](const Order& order) {
    const OrderScope scope(order);
    int ticket = 0;
    std::vector<int> tickets(3);
    launch("draw_tickets", draw_tickets, dim3(3), dim3(1), 0, View<int>{&ticket, 1}, View<int>{tickets.data(), 3});
    return tickets[1];
  };
  CHECK(second(testing::forward) == second(testing::reverse));
  int differing = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) differing += second(in_random_order(seed)) != 2;
  CHECK(differing > 10);  // two of three orders, about
}
