// Parallel loops and the memory that their threads work in.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "mien/kernels/cpu/parallel.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
namespace cpu = kernels::cpu;

namespace {

/// Restores the number of threads.
struct Threads {
  explicit Threads(int count) { omp_set_num_threads(count); }
  ~Threads() { omp_set_num_threads(before); }
  int before = omp_get_max_threads();
};

}  // namespace

TEST_CASE("a parallel loop meets every index once, however many there are", "[parallel]") {
  for (const int threads : {1, 2, 3, 7}) {
    const Threads restored(threads);
    for (const std::int64_t count : {0, 1, 2, 3, 6, 7, 8, 100, 12345}) {
      std::vector<std::atomic<int>> met(static_cast<std::size_t>(count));
      cpu::parallel_for(count, [&](std::int64_t i) { ++met[static_cast<std::size_t>(i)]; });
      INFO(threads << " threads, " << count << " indices");
      CHECK(std::all_of(met.begin(), met.end(), [](const auto& times) { return times == 1; }));
    }
  }
}

TEST_CASE("a thread that is through with its part of a loop helps another, but leaves it its first", "[parallel]") {
  const Threads restored(2);
  constexpr int count = 20;  // the second thread's part begins at 10
  std::vector<int> thread_of(count, -1);
  std::atomic<int> done{0};
  cpu::parallel_for(count, [&](std::int64_t i) {
    thread_of[static_cast<std::size_t>(i)] = omp_get_thread_num();
    // Whoever has index 10 is held up until all else is done.
    const auto start = std::chrono::steady_clock::now();
    while (i == count / 2 && done < count - 1 && std::chrono::steady_clock::now() - start < std::chrono::seconds(20))
      std::this_thread::yield();
    ++done;
  });
  CHECK(thread_of[10] == 1);
  CHECK(std::count(thread_of.begin(), thread_of.end(), 1) == 1);
}

TEST_CASE("blocks of any size are aligned, apart from each other, and can be let go in any order", "[memory]") {
  const std::size_t sizes[] = {1, 64, 4095, 4096, 4100, 100000, 3 << 20, (4 << 20) - 1, 4 << 20, 9 << 20};
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (int round = 0; round < 6; ++round)
    for (const std::size_t size : sizes) {
      void* block = nullptr;
      cpu::allocate(size, &block);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
      blocks.emplace_back(static_cast<unsigned char*>(block), size);
      // Its ends hold its number, until it is let go.
      blocks.back().first[0] = blocks.back().first[size - 1] = static_cast<unsigned char>(blocks.size());
    }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::size_t at = i * 7 % blocks.size();  // 7 and 60 have no common factor: each once
    CHECK(blocks[at].first[0] == static_cast<unsigned char>(at + 1));
    CHECK(blocks[at].first[blocks[at].second - 1] == static_cast<unsigned char>(at + 1));
    cpu::release(blocks[at].first);
  }
}
