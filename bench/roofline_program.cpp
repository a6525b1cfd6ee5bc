// bench_roofline: the machine's bounds, for every instruction set it has, with one thread and with all, as JSON.
#include <iostream>

#include "mien/bench/roofline.h"
#include "mien/core/device.h"
#include "mien/examples/expressions/environment.h"

int main(int count, char** arguments) {
  if (count > 1) {
    std::cerr << "usage: bench_roofline\n";
    return 2;
  }
  mien::expressions::pin_threads(arguments);
  try {
    const char* separator = "[";
    for (const mien::bench::Roofline& roofline : mien::bench::measure_rooflines(mien::threads())) {
      std::cout << separator << mien::bench::to_json(roofline);
      separator = ",\n ";
    }
    std::cout << "]\n";
  } catch (const std::exception& error) {
    std::cerr << "bench_roofline: " << error.what() << "\n";
    return 1;
  }
}
