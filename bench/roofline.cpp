// The loops of the roofline, compiled once per instruction set.
//
// Arithmetic: twelve independent chains of multiply-adds hide the latency of every core so far (four cycles, two units)
// and fit into sixteen registers. SSE4 and the plain baseline have no fused multiply-add; there, as in the kernels, it
// is a product and a sum. Memory: arrays four times as large as a large last-level cache, each thread its own part.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/bench/roofline.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "mien/kernels/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace mien::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int chains = 12;

/// `rounds` multiply-adds on each chain; returns how many scalar multiply-adds that was. `sink` keeps the result alive.
double fma_loop(std::int64_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 1.0000001f), term = hn::Set(d, 1e-9f);
  hn::Vec<decltype(d)> sum[chains];
  MIEN_UNROLL
  for (int i = 0; i < chains; ++i) sum[i] = hn::Set(d, 0.01f * static_cast<float>(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
    MIEN_UNROLL
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  }
  MIEN_UNROLL
  for (int i = 1; i < chains; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  *sink = hn::GetLane(sum[0]);
  return static_cast<double>(rounds) * chains * static_cast<double>(hn::Lanes(d));
}

void read_loop(const float* x, std::int64_t count, float* sink) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> sum[8];
  MIEN_UNROLL
  for (int i = 0; i < 8; ++i) sum[i] = hn::Zero(d);
  for (std::int64_t at = 0; at + 8 * lanes <= count; at += 8 * lanes) {
    MIEN_UNROLL
    for (int i = 0; i < 8; ++i) sum[i] = hn::Add(sum[i], hn::LoadU(d, x + at + i * lanes));
  }
  MIEN_UNROLL
  for (int i = 1; i < 8; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  *sink = hn::GetLane(sum[0]);
}

void copy_loop(const float* x, float* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t at = 0; at + lanes <= count; at += lanes) hn::StoreU(hn::LoadU(d, x + at), d, y + at);
}

/// The same past the caches: a line that is not read first costs less to write.
void stream_loop(const float* x, float* y, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t at = 0; at + lanes <= count; at += lanes) hn::Stream(hn::LoadU(d, x + at), d, y + at);
}

void triad_loop(const float* x, const float* y, float* z, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, 3.0f);
  for (std::int64_t at = 0; at + lanes <= count; at += lanes)
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, y + at), hn::LoadU(d, x + at)), d, z + at);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "mien/bench/roofline.h"

namespace mien::bench {
namespace {

HWY_EXPORT(fma_loop);
HWY_EXPORT(read_loop);
HWY_EXPORT(copy_loop);
HWY_EXPORT(stream_loop);
HWY_EXPORT(triad_loop);

using kernels::cpu::InstructionSet;

/// Runs body(thread) on so many threads at once; the seconds until all are done.
template <class Body>
double timed(int threads, const Body& body) {
  const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
  body(omp_get_thread_num());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The shortest of `runs` timings.
template <class Body>
double best_of(int runs, int threads, const Body& body) {
  double best = timed(threads, body);
  for (int i = 1; i < runs; ++i) best = std::min(best, timed(threads, body));
  return best;
}

/// What a loop leaves behind, so that the compiler may not drop it; a cache line for each thread.
struct alignas(64) Sink {
  float value = 0;
};

/// An instruction set until the end of the scope.
class SetScope {
 public:
  explicit SetScope(InstructionSet set) : before_(kernels::cpu::instruction_set()) {
    kernels::cpu::use_instruction_set(set);
  }
  ~SetScope() { kernels::cpu::use_instruction_set(before_); }
  SetScope(const SetScope&) = delete;
  SetScope& operator=(const SetScope&) = delete;

 private:
  InstructionSet before_;
};

void measure_memory(Roofline& result) {
  constexpr std::int64_t count = std::int64_t{32} << 20;  // 128 MiB an array
  constexpr int runs = 7;
  const int threads = result.threads;
  const std::int64_t part = count / threads / 1024 * 1024;
  const double bytes = static_cast<double>(part) * threads * sizeof(float);
  struct Free {
    void operator()(float* block) const { std::free(block); }
  };
  const auto array = [] {
    return std::unique_ptr<float, Free>(static_cast<float*>(std::aligned_alloc(4096, count * sizeof(float))));
  };
  const auto x = array(), y = array(), z = array();
  if (!x || !y || !z) throw std::bad_alloc();
  std::vector<Sink> sinks(static_cast<std::size_t>(threads));
  timed(threads, [&](int thread) {  // each thread touches its own pages first
    for (float* block : {x.get(), y.get(), z.get()}) std::fill_n(block + thread * part, part, 1.0f);
  });
  const double read = best_of(runs, threads, [&](int thread) {
    HWY_DYNAMIC_DISPATCH(read_loop)(x.get() + thread * part, part, &sinks[static_cast<std::size_t>(thread)].value);
  });
  const double copy = best_of(runs, threads, [&](int thread) {
    HWY_DYNAMIC_DISPATCH(copy_loop)(x.get() + thread * part, y.get() + thread * part, part);
  });
  const double stream = best_of(runs, threads, [&](int thread) {
    HWY_DYNAMIC_DISPATCH(stream_loop)(x.get() + thread * part, y.get() + thread * part, part);
  });
  const double triad = best_of(runs, threads, [&](int thread) {
    const std::int64_t at = thread * part;
    HWY_DYNAMIC_DISPATCH(triad_loop)(x.get() + at, y.get() + at, z.get() + at, part);
  });
  result.read_gbs = bytes / read / 1e9;
  result.copy_gbs = 2 * bytes / std::min(copy, stream) / 1e9;
  result.triad_gbs = 3 * bytes / triad / 1e9;
}

}  // namespace

double Roofline::memory_seconds(double read_bytes, double written_bytes) const {
  const double a_read = 1 / read_gbs, a_pair = 2 / copy_gbs;
  return (read_bytes * a_read + written_bytes * std::max(a_pair - a_read, 0.0)) / 1e9;
}

double measure_fma_gflops(InstructionSet set, int threads) {
  const SetScope scope(set);
  constexpr std::int64_t rounds = 2'000'000;  // about 10 ms
  std::vector<Sink> sinks(static_cast<std::size_t>(threads));
  std::vector<double> done(static_cast<std::size_t>(threads));
  const double seconds = best_of(12, threads, [&](int thread) {
    const auto own = static_cast<std::size_t>(thread);
    done[own] = HWY_DYNAMIC_DISPATCH(fma_loop)(rounds, &sinks[own].value);
  });
  double multiply_adds = 0;
  for (const double count : done) multiply_adds += count;
  return 2 * multiply_adds / seconds / 1e9;
}

Roofline measure_roofline(int threads) {
  const InstructionSet set = kernels::cpu::instruction_set();
  Roofline result;
  result.instruction_set = name(set);
  result.threads = threads;
  result.gflops = measure_fma_gflops(set, threads);
  measure_memory(result);
  return result;
}

std::vector<Roofline> measure_rooflines(int threads) {
  std::vector<Roofline> results;
  for (const InstructionSet set : kernels::cpu::supported_instruction_sets()) {
    const SetScope scope(set);
    results.push_back(measure_roofline(1));
    if (threads > 1) results.push_back(measure_roofline(threads));
  }
  return results;
}

std::string to_json(const Roofline& roofline) {
  return nlohmann::json{{"instruction_set", roofline.instruction_set},
                        {"threads", roofline.threads},
                        {"gflops", roofline.gflops},
                        {"read_gbs", roofline.read_gbs},
                        {"copy_gbs", roofline.copy_gbs},
                        {"triad_gbs", roofline.triad_gbs}}
      .dump();
}

}  // namespace mien::bench
#endif  // HWY_ONCE
