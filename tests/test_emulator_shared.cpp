// Shared memory under the emulator: shared_array and shared_pointer work as the plain array and pointer that they are
// for a GPU, and report what a GPU passes over.
#define MIEN_KERNELS_EMULATED
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "mien/kernels/cuda/reduce.cuh"
#include "mien/tests/emulator_order.h"

using namespace mien;
using namespace mien::kernels::emulated;
using namespace mien::testing;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

template <class T>
View<T> view(std::vector<T>& values) {
  return {values.data(), static_cast<std::int64_t>(values.size())};
}

int thread() { return static_cast<int>(threadIdx.x); }

int line = 0;  // where a kernel is about to do wrong

// The message of an error at that line.
std::string at(const char* before, const char* after) {
  return join(before, " at test_emulator_shared.cpp:", line, after);
}

__global__ void turn_round(View<float> y) {
  __shared__ shared_array<float, 64> numbers;
  const int base = static_cast<int>(blockIdx.x) * 64;
  numbers[thread()] = y[base + thread()];
  __syncthreads();
  y[base + thread()] = numbers[63 - thread()];
}

// Everything that kernels do with shared memory: elements of an array of rows, a row as a pointer, arithmetic, copies
// from element to element, a plain pointer; and the same in dynamic memory.
template <class T>
__global__ void use_all(View<T> y) {
  __shared__ shared_array<T, 4, 8> tile;
  const shared_pointer<T> dynamic = dynamic_shared<T>();
  tile[thread() / 8][thread() % 8] = static_cast<T>(thread());
  dynamic[thread()] = static_cast<T>(1);
  __syncthreads();
  const shared_pointer<const T> row = tile[thread() / 8];
  const T value = row[7 - thread() % 8];
  const shared_pointer<T> own = dynamic + thread();
  *own += value;
  own[0] += static_cast<T>(1);
  __syncthreads();
  tile[thread() / 8][thread() % 8] = dynamic[31 - thread()];
  const T* const plain = &tile[thread() / 8][0];
  y[thread()] = plain[thread() % 8];
}

template <class T>
__global__ void read_unwritten(View<T> y, int from_block) {
  __shared__ shared_array<T, 32> numbers;
  if (static_cast<int>(blockIdx.x) < from_block) numbers[thread()] = T{};
  line = __LINE__, y[thread()] = numbers[thread()];
}

__global__ void read_unwritten_dynamic(View<float> y) {
  const shared_pointer<float> numbers = dynamic_shared<float>();
  if (thread() != 3) numbers[thread()] = 1.0f;
  __syncthreads();
  line = __LINE__, y[thread()] = numbers[thread()];
}

template <class T>
__global__ void read_by_plain_pointer(View<T> y) {
  __shared__ shared_array<T, 32> numbers;
  const T* const plain = &numbers[0];
  y[thread()] = plain[thread()];
  __syncthreads();
  numbers[thread()] = T{};
}

__global__ void step_outside(int row, int column, int cell) {
  __shared__ shared_array<float, 4, 8> tile;
  const shared_pointer<float> dynamic = dynamic_shared<float>() + 2;
  line = __LINE__, tile[row][column] = 1.0f;
  line = __LINE__, dynamic[cell] = 1.0f;
}

// What two threads do to one element, with or without a barrier between: the first writes or reads it, then the second.
enum class Access : std::uint8_t { read, write, write_same, add };

__global__ void meet(int first, Access first_access, int second, Access second_access, bool barrier,
                     bool warp_barrier) {
  __shared__ shared_array<int, 2> cells;
  if (thread() == 0) cells[1] = 5;
  __syncthreads();
  const auto access = [](Access access, int who) {
    if (access == Access::read) static_cast<void>(static_cast<int>(cells[1]));
    if (access == Access::write) line = __LINE__, cells[1] = who;
    if (access == Access::write_same) cells[1] = 7;
    if (access == Access::add) atomicAdd(&cells[1], 1);
  };
  if (thread() == first) access(first_access, 100);
  if (warp_barrier) __syncwarp();
  if (barrier) __syncthreads();
  if (thread() == second) access(second_access, 200);
}

void met(int first, Access first_access, int second, Access second_access, bool barrier = false,
         bool warp_barrier = false) {
  launch("meet", meet, dim3(1), dim3(64), 0, first, first_access, second, second_access, barrier, warp_barrier);
}

__global__ void too_much() {
  __shared__ shared_array<float, 8, 1024> half;
  __shared__ shared_array<unsigned char, 16 * 1024> rest;
  half[0][0] = 1.0f;
  rest[0] = 1;
}

}  // namespace

TEST_CASE("shared arrays and pointers work as plain ones, in any order of threads", "[emulator]") {
  const OrderScope scope(any_order());
  std::vector<float> numbers(128);
  for (std::size_t i = 0; i < 128; ++i) numbers[i] = static_cast<float>(i);
  launch("turn_round", turn_round, dim3(2), dim3(64), 0, view(numbers));
  for (std::size_t i = 0; i < 128; ++i) REQUIRE(numbers[i] == static_cast<float>(i / 64 * 64 + 63 - i % 64));

  std::vector<float> y(32);
  std::vector<short> shorts(32);
  std::vector<double> doubles(32);
  launch("use_all", use_all<float>, dim3(1), dim3(32), 32 * sizeof(float), view(y));
  launch("use_all", use_all<short>, dim3(1), dim3(32), 32 * sizeof(short), view(shorts));
  launch("use_all", use_all<double>, dim3(1), dim3(32), 32 * sizeof(double), view(doubles));
  for (int i = 0; i < 32; ++i) {
    const int from = 31 - i, expected = from / 8 * 8 + 7 - from % 8 + 2;
    CHECK(y[static_cast<std::size_t>(i)] == static_cast<float>(expected));
    CHECK(shorts[static_cast<std::size_t>(i)] == expected);
    CHECK(doubles[static_cast<std::size_t>(i)] == expected);
  }
}

TEST_CASE("a read of shared memory that the block has not written names the thread and the line", "[emulator]") {
  std::vector<float> floats(32);
  std::vector<int> ints(32);
  std::vector<double> doubles(32);
  std::vector<std::uint8_t> bytes(32);
  const char* const rule = " that no thread of the block has written.";
  // Kernel templates too; and what an earlier block has left there does not count.
  CHECK_THROWS_WITH(launch("kernel", read_unwritten<float>, dim3(2), dim3(32), 0, view(floats), 0),
                    "[kernel] block (0,0,0), thread (0,0,0): " + at("shared memory is read", rule));
  CHECK_THROWS_WITH(launch("kernel", read_unwritten<int>, dim3(2), dim3(32), 0, view(ints), 1),
                    "[kernel] block (1,0,0), thread (0,0,0): " + at("shared memory is read", rule));
  CHECK_THROWS_WITH(launch("kernel", read_unwritten<double>, dim3(2), dim3(32), 0, view(doubles), 1),
                    EndsWith(at("shared memory is read", rule)));
  CHECK_THROWS_WITH(launch("kernel", read_unwritten<std::uint8_t>, dim3(2), dim3(32), 0, view(bytes), 1),
                    EndsWith(at("shared memory is read", rule)));
  CHECK_NOTHROW(launch("kernel", read_unwritten<float>, dim3(2), dim3(32), 0, view(floats), 2));
  CHECK_THROWS_WITH(launch("kernel", read_unwritten_dynamic, dim3(1), dim3(32), 32 * sizeof(float), view(floats)),
                    "[kernel] block (0,0,0), thread (3,0,0): " + at("shared memory is read", rule));
}

TEST_CASE("by a plain pointer, shared memory holds NaN or 0x5A until it is written", "[emulator]") {
  std::vector<float> floats(32);
  std::vector<int> ints(32);
  launch("kernel", read_by_plain_pointer<float>, dim3(2), dim3(32), 0, view(floats));
  launch("kernel", read_by_plain_pointer<int>, dim3(2), dim3(32), 0, view(ints));
  for (const float value : floats) REQUIRE(std::isnan(value));
  for (const int value : ints) REQUIRE(value == 0x5A5A5A5A);
}

TEST_CASE("an index outside shared memory names the thread and the line", "[emulator]") {
  const auto step = [](int row, int column, int cell) {
    launch("step_outside", step_outside, dim3(1), dim3(1), 8 * sizeof(float), row, column, cell);
  };
  CHECK_NOTHROW(step(3, 7, 5));
  CHECK_NOTHROW(step(0, 0, -2));
  CHECK_THROWS_WITH(step(4, 0, 0), "[step_outside] block (0,0,0), thread (0,0,0): " +
                                       at("element 4 lies outside shared memory of 4 elements,", "."));
  CHECK_THROWS_WITH(step(-1, 0, 0), Contains("element -1 lies outside shared memory of 4 elements"));
  CHECK_THROWS_WITH(step(0, 8, 0), Contains(at("element 8 lies outside shared memory of 8 elements,", ".")));
  CHECK_THROWS_WITH(step(3, 7, 6), Contains(at("element 6 lies outside shared memory of 8 elements,", ".")));
  CHECK_THROWS_WITH(step(3, 7, -3), Contains("element -3 lies outside shared memory of 8 elements"));
}

TEST_CASE("threads that meet in shared memory without a barrier are told of by name and line", "[emulator]") {
  const auto [one, other] = GENERATE(std::pair(3, 5), std::pair(3, 40));  // of one warp, and of two
  const std::string name = join("thread (", one, ",0,0) has ");
  const std::string who = join("[meet] block (0,0,0), thread (", other, ",0,0): ");
  CHECK_THROWS_WITH(met(one, Access::write, other, Access::read),
                    Contains(who + "shared memory is read at test_emulator_shared.cpp:") &&
                        EndsWith("that " + name + "written since the last barrier."));
  CHECK_THROWS_WITH(met(one, Access::read, other, Access::write),
                    who + at("shared memory is written", (" that " + name + "read since the last barrier.").c_str()));
  CHECK_THROWS_WITH(met(one, Access::write, other, Access::write), EndsWith(name + "written since the last barrier."));
  CHECK_THROWS_WITH(met(one, Access::add, other, Access::read), EndsWith(name + "written since the last barrier."));
  CHECK_THROWS_WITH(
      met(one, Access::write, other, Access::add),
      Contains("shared memory is changed atomically at") && EndsWith(name + "written since the last barrier."));
  CHECK_THROWS_WITH(met(one, Access::read, other, Access::add), EndsWith(name + "read since the last barrier."));
  // The same thread, the same value, two reads, two atomic functions: no fault.
  CHECK_NOTHROW(met(one, Access::write, one, Access::read));
  CHECK_NOTHROW(met(one, Access::read, one, Access::write));
  CHECK_NOTHROW(met(one, Access::add, one, Access::read));
  CHECK_NOTHROW(met(one, Access::write_same, other, Access::write_same));
  CHECK_NOTHROW(met(one, Access::read, other, Access::read));
  CHECK_NOTHROW(met(one, Access::add, other, Access::add));
  // A barrier keeps them apart; one of the warp alone only where both are of that warp.
  for (const Access first : {Access::read, Access::write, Access::add})
    for (const Access second : {Access::read, Access::write, Access::add}) {
      CHECK_NOTHROW(met(one, first, other, second, true));
      const bool harmless = first == second && first != Access::write;
      if (one / 32 == other / 32 || harmless)
        CHECK_NOTHROW(met(one, first, other, second, false, true));
      else
        CHECK_THROWS_WITH(met(one, first, other, second, false, true), EndsWith("since the last barrier."));
    }
}

TEST_CASE("a block has 48 KiB of shared memory, whatever it is declared as", "[emulator]") {
  CHECK_NOTHROW(launch("too_much", too_much, dim3(2), dim3(1), 0));
  CHECK_THROWS_WITH(launch("too_much", too_much, dim3(2), dim3(1), 4),
                    "[too_much] block (0,0,0), thread (0,0,0): a block has at most 49152 bytes of shared memory. Its "
                    "arrays take 49156.");
}
