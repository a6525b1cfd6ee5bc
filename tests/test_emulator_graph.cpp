// Graphs, streams and events on the emulator: what is recorded runs when it is replayed, as often as it is; what must
// wait for the copy stream and does not, shows.
#define MIEN_KERNELS_EMULATED
#include "mien/kernels/cuda/graph.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "mien/kernels/cuda/reduce.cuh"
#include "mien/tests/emulator_order.h"

using namespace mien;
using namespace mien::kernels::emulated;
using namespace mien::testing;
using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t size = 5000;  // enough for sums in two stages, which use scratch memory

template <class T>
View<T> view(std::vector<T>& values) {
  return {values.data(), static_cast<std::int64_t>(values.size())};
}

__global__ void multiply_each(View<float> y, float factor) {
  const int i = global_thread();
  if (i < y.size) y[i] *= factor;
}

__global__ void add_each(View<const float> x, View<float> y) {
  const int i = global_thread();
  if (i < y.size) y[i] += x[i];
}

__global__ void turn_in_block(View<float> y) {
  __shared__ shared_array<float, 50> part;
  const int thread = static_cast<int>(threadIdx.x), i = static_cast<int>(blockIdx.x) * 50 + thread;
  part[thread] = y[i];
  __syncthreads();
  y[i] = part[49 - thread];
}

struct Term {
  View<const float> x;
  double operator()(int, int i) const { return x[i]; }
};

struct Write {
  View<float> y;
  void operator()(int kept, double sum) const { y[kept] = static_cast<float>(sum); }
};

// A step as a training's: from `state` to its successor, by kernels with and without barriers, a copy and a long sum.
struct Step {
  std::vector<float> state = std::vector<float>(size), before = std::vector<float>(size), sum = std::vector<float>(1);

  Step() {
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<float>(i % 17);
  }
  void run(float factor) {
    kernels::emulated::copy(state.data(), before.data(), sizeof(float) * size);
    launch_each("multiply_each", multiply_each, size, view(state), factor);
    launch("turn_in_block", turn_in_block, dim3(size / 50), dim3(50), 0, view(state));
    launch_each("add_each", add_each, size, View<const float>(view(before)), view(state));
    sum_each("sum", Term{view(state)}, Write{view(sum)}, 1, size);
  }
};

}  // namespace

TEST_CASE("a captured sequence replayed three times gives the bits of three direct runs, in any order", "[emulator]") {
  const OrderScope scope(any_order());
  Step direct, captured;
  for (int i = 0; i < 3; ++i) direct.run(0.5f);
  const std::vector<float> start = captured.state;
  float factor = 0.5f;
  const Graph graph([&] { captured.run(factor); });
  CHECK(captured.state == start);  // nothing has run yet
  CHECK(captured.sum[0] == 0.0f);
  CHECK(graph.size() == 6);  // three kernels, the copy, the sum's two stages
  factor = 100.0f;           // arguments are those of the capture
  for (int i = 0; i < 3; ++i) graph.replay();
  CHECK(captured.state == direct.state);
  CHECK(captured.before == direct.before);
  CHECK(captured.sum == direct.sum);
  CHECK(direct.sum[0] > 0.0f);
}

TEST_CASE("what a graph cannot hold is an error that says so, and ends the capture", "[emulator]") {
  std::vector<float> values(8, 1.0f), host(8, 2.0f);
  void* block = nullptr;
  const auto capture = [&](auto&& work) { const Graph graph(work); };
  CHECK_THROWS_WITH(capture([&] { allocate(64, &block); }),
                    "[graph] an allocation of memory cannot be part of a graph that is captured.");
  CHECK_THROWS_WITH(capture([&] { copy_to_host(values.data(), host.data(), 4); }),
                    Contains("a copy to the host cannot"));
  CHECK_THROWS_WITH(capture([&] { copy_from_host(host.data(), values.data(), 4); }), Contains("a copy from the host"));
  CHECK_THROWS_WITH(capture([&] { copy_from_host_async(host.data(), values.data(), 4); }),
                    Contains("a copy from the host"));
  CHECK_THROWS_WITH(capture([&] { const Graph inner([] {}); }), Contains("another graph cannot"));
  Event event;
  CHECK_THROWS_WITH(capture([&] { event.record(Stream::compute); }), Contains("an event cannot"));
  // Scratch memory that is not there yet would have to be allocated: a step runs once before it is captured.
  CHECK_THROWS_WITH(capture([] { const Scratch scratch(std::int64_t{1} << 24); }), Contains("an allocation of memory"));
  CHECK_THROWS_WITH(capture([] { throw std::domain_error("of the caller"); }), "of the caller");
  // And launches run again.
  launch_each("multiply_each", multiply_each, 8, view(values), 3.0f);
  CHECK(values == std::vector<float>(8, 3.0f));
  CHECK(host == std::vector<float>(8, 2.0f));
}

TEST_CASE("an error in a replayed kernel names the kernel, and the graph can be replayed again", "[emulator]") {
  std::vector<float> values(50, 1.0f);
  View<float> seen{values.data(), 49};
  const Graph graph([&] { launch("turn_in_block", turn_in_block, dim3(1), dim3(50), 0, seen); });
  for (int i = 0; i < 2; ++i)
    CHECK_THROWS_WITH(graph.replay(), Contains("[turn_in_block] block (0,0,0), thread (49,0,0): [view] element 49"));
}

TEST_CASE("a copy in the copy stream has arrived where an event was waited for", "[emulator]") {
  const Order order = any_order();
  const OrderScope scope(order);
  std::vector<float> first(8, 1.0f), second(8, 2.0f), third(8, 3.0f), x(8), y(8);
  Event copied, computed;
  CHECK_THROWS_WITH(copied.synchronize(), "[event] nothing was recorded that could be waited for.");
  CHECK_THROWS_WITH(wait(Stream::compute, copied), "[event] nothing was recorded that could be waited for.");
  copy_from_host_async(first.data(), x.data(), 8 * sizeof(float));
  copied.record(Stream::copy);
  copy_from_host_async(second.data(), y.data(), 8 * sizeof(float));
  wait(Stream::compute, copied);
  CHECK(x == first);
  // What comes after the mark has not been waited for: outside forward order it has not arrived.
  CHECK((y == second) == (order.order == ThreadOrder::forward));
  copied.record(Stream::copy);
  wait(Stream::compute, copied);
  launch_each("add_each", add_each, 8, View<const float>(view(x)), view(y));
  computed.record(Stream::compute);
  wait(Stream::copy, computed);
  CHECK(y == third);
  copy_from_host_async(third.data(), x.data(), 8 * sizeof(float));
  copied.record(Stream::copy);
  copied.synchronize();
  CHECK(x == third);
}

TEST_CASE("memory is released when the copies on their way have arrived", "[emulator]") {
  const OrderScope scope(testing::reverse);
  const std::vector<float> host(1024, 1.0f);
  std::vector<float> x(1024);
  void* block = nullptr;
  allocate(1024 * sizeof(float), &block);
  copy_from_host_async(host.data(), block, 1024 * sizeof(float));
  copy_from_host_async(host.data(), x.data(), 1024 * sizeof(float));
  REQUIRE(x != host);
  release(block);
  CHECK(x == host);
}
