// bench_profile: where the time of a training step goes, kernel by kernel.
//
//   bench_profile --network seed --batch 64 --steps 10
//
// The library reaches every kernel through kernels::name(device) (kernels/dispatch.cpp). This program brings a dispatch
// of its own, written out of the same list, whose kernels run between two readings of the clocks; nothing in the
// library knows of it. "cores" is processor time over wall time: 1 for a step that runs on one thread.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>

#include "mien/bench/network_run.h"
#include "mien/core/numbers.h"
#include "mien/examples/expressions/environment.h"
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"

namespace mien::bench {
namespace {

#define MIEN_KERNEL(name, ...) number_of_##name,
enum KernelNumber : std::size_t {
#include "mien/kernels/signatures.inc"
  kernel_count,
};
#undef MIEN_KERNEL

struct Time {
  double wall = 0, processor = 0;
};

Time now() {
  timespec processor;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);
  const auto wall = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration<double>(wall).count(),
          static_cast<double>(processor.tv_sec) + 1e-9 * static_cast<double>(processor.tv_nsec)};
}

struct Record {
  const char* name;
  std::int64_t calls = 0;
  Time time = {};
};

#define MIEN_KERNEL(name, ...) {#name},
Record records[kernel_count] = {
#include "mien/kernels/signatures.inc"
};
#undef MIEN_KERNEL

template <class Kernel>
struct Timed;

/// kernel, timed.
template <class... Parameters>
struct Timed<void (*)(Parameters...)> {
  template <void (*kernel)(Parameters...), KernelNumber number>
  static void run(Parameters... parameters) {
    const Time start = now();
    kernel(parameters...);
    const Time end = now();
    Record& record = records[number];
    ++record.calls;
    record.time.wall += end.wall - start.wall;
    record.time.processor += end.processor - start.processor;
  }
};

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

void print_line(const std::string& name, const std::string& calls, const Time& time, double whole) {
  const double cores = time.wall > 0 ? time.processor / time.wall : 0;
  std::cout << name << std::string(36 - std::min<std::size_t>(36, name.size()), ' ') << padded(calls, 8)
            << padded(fixed(1e3 * time.wall, 3), 12) << padded(percent(time.wall / whole), 10)
            << padded(fixed(cores, 2), 8) << "\n";
}

int main_with(int count, char** arguments) {
  CLI::App app("Prints how the time of a training step is spent, kernel by kernel.", "bench_profile");
  NetworkRunOptions options;
  int steps = 10, thread_count = 0;
  app.add_option("--network", options.network, "seed, mobilenetv2 or resnet50")->capture_default_str();
  app.add_option("--size", options.size, "side of the pictures (default: the network's own)");
  app.add_option("--batch", options.batch, "pictures of a step")->capture_default_str();
  app.add_option("--data", options.data, "a folder of photographs, one subfolder a class (default: noise)");
  app.add_option("--steps", steps, "steps that are measured")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--threads", thread_count, "(default: as many as OpenMP takes)");
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (thread_count > 0) set_threads(thread_count);
  options.batches = 2;
  NetworkRun run(options);
  run.train(2);  // the first allocates
  for (Record& record : records) record.calls = 0, record.time = {};
  const Time start = now();
  run.train(steps);
  const Time end = now();

  std::vector<Record> sorted(std::begin(records), std::end(records));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Record& a, const Record& b) { return a.time.wall > b.time.wall; });
  const Time whole{(end.wall - start.wall) / steps, (end.processor - start.processor) / steps};
  Time rest = whole;
  std::cout << options.network << ", batch " << options.batch << ", " << describe(options.device) << ", " << steps
            << " steps\n"
            << "kernel" << std::string(30, ' ') << "   calls  ms a step     share   cores\n";
  for (const Record& record : sorted) {
    if (record.calls == 0) continue;
    const Time time{record.time.wall / steps, record.time.processor / steps};
    rest.wall -= time.wall;
    rest.processor -= time.processor;
    print_line(record.name, fixed(static_cast<double>(record.calls) / steps, 1), time, whole.wall);
  }
  print_line("outside of kernels", "", rest, whole.wall);
  print_line("a step", "", whole, whole.wall);
  return 0;
}

}  // namespace
}  // namespace mien::bench

// The dispatch in place of kernels/dispatch.cpp's, for the CPU alone.
namespace mien::kernels {

bool is_built(Device device) { return device == Device::cpu; }

#define MIEN_KERNEL(name, ...)                                                            \
  name##_kernel name(Device device) {                                                     \
    check(device == Device::cpu, "bench", "the profile is of the CPU's kernels.");        \
    return bench::Timed<name##_kernel>::template run<cpu::name, bench::number_of_##name>; \
  }
#include "mien/kernels/signatures.inc"
#undef MIEN_KERNEL

}  // namespace mien::kernels

int main(int count, char** arguments) {
  mien::expressions::pin_threads(arguments);
  try {
    return mien::bench::main_with(count, arguments);
  } catch (const std::exception& error) {
    std::cerr << "bench_profile: " << error.what() << "\n";
    return 1;
  }
}
