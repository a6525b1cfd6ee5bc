// bench_kernels: every kernel at the shapes of real networks, held against the roofline that was measured just before.
//
//   bench_kernels --benchmark_filter='conv2d/seed/.*/forward/' --benchmark_out=kernels.json
//
// Counters: GFLOP/s of the dense algorithm's multiply-adds, two operations each (so an algorithm that needs fewer can
// pass 100 % of the peak), GB/s with each operand once through memory, and both in percent of the roofline. A small
// case lives in the caches and can pass 100 % of the memory's bandwidth.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <iostream>
#include <string_view>

#include "mien/bench/kernel_case.h"
#include "mien/bench/roofline.h"
#include "mien/core/build_info.h"
#include "mien/core/device.h"
#include "mien/core/numbers.h"
#include "mien/examples/expressions/environment.h"

namespace mien::bench {
namespace {

void run(benchmark::State& state, const KernelCase& kernel_case, const Roofline& roofline) {
  {
    const Work work = kernel_case.set_up();
    work();  // the first run allocates
    for (auto _ : state) work();
  }
  release_cached_memory(Device::cpu);
  if (!kernel_case.label.empty()) state.SetLabel(kernel_case.label);
  const Cost& cost = kernel_case.cost;
  const auto a_run = [](double value) {
    return benchmark::Counter(value, benchmark::Counter::kIsIterationInvariantRate);
  };
  if (cost.multiply_adds > 0) {
    state.counters["GFLOP/s"] = a_run(2 * cost.multiply_adds / 1e9);
    state.counters["%peak"] = a_run(2 * cost.multiply_adds / 1e9 / roofline.gflops * 100);
  }
  state.counters["GB/s"] = a_run((cost.read_bytes + cost.written_bytes) / 1e9);
  state.counters["%bandwidth"] = a_run(roofline.memory_seconds(cost.read_bytes, cost.written_bytes) * 100);
}

void describe_run(const Roofline& roofline) {
  const BuildInfo& build = build_info();
  benchmark::AddCustomContext("roofline", to_json(roofline));
  benchmark::AddCustomContext("machine", expressions::machine());
  benchmark::AddCustomContext("commit", std::string(build.commit));
  benchmark::AddCustomContext("build", join(build.build_type, ", ", build.compiler, ", ", build.flags));
}

int main_with(int count, char** arguments) {
  const bool lists_only = std::any_of(arguments, arguments + count, [](std::string_view argument) {
    return argument.starts_with("--benchmark_list_tests") && argument != "--benchmark_list_tests=false";
  });
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  const Roofline roofline = lists_only ? Roofline() : measure_roofline(threads());
  if (!lists_only)
    std::cerr << "roofline: " << roofline.threads << " threads, " << roofline.instruction_set << ": "
              << fixed(roofline.gflops, 1) << " GFLOP/s, read " << fixed(roofline.read_gbs, 1) << ", copy "
              << fixed(roofline.copy_gbs, 1) << ", triad " << fixed(roofline.triad_gbs, 1) << " GB/s\n";
  describe_run(roofline);
  for (const std::vector<KernelCase>& cases : {convolution_cases(), layer_cases()})
    for (const KernelCase& kernel_case : cases)
      benchmark::RegisterBenchmark(kernel_case.name.c_str(),
                                   [=](benchmark::State& state) { run(state, kernel_case, roofline); })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace mien::bench

int main(int count, char** arguments) {
  mien::expressions::pin_threads(arguments);
  try {
    return mien::bench::main_with(count, arguments);
  } catch (const std::exception& error) {
    std::cerr << "bench_kernels: " << error.what() << "\n";
    return 1;
  }
}
