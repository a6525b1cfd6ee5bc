// What the tests of kernels share: data, poisoned outputs, runs at several thread counts, comparison with the
// double-precision reference, and gradients by finite differences of it.
#pragma once

#include <omp.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "mien/core/random.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/geometry.h"
#include "mien/kernels/philox.h"
#include "mien/kernels/view.h"
#include "mien/tests/reference.h"

namespace mien::testing {

using Floats = std::vector<float>;
using reference::Values;

inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
inline constexpr float infinity = std::numeric_limits<float>::infinity();

/// `size` uniform floats; different `which`, different numbers.
inline Floats draw(std::int64_t size, std::uint64_t which, float low = -1.0f, float high = 1.0f) {
  Random random(1, Purpose::test, which);
  Floats values(static_cast<std::size_t>(size));
  for (float& value : values) value = random.uniform(low, high);
  return values;
}

/// `size` floats uniform in [-1, 1), or whole numbers from -4 to 4.
inline Floats draw_values(std::int64_t size, std::uint64_t which, bool whole, std::uint64_t seed = 7) {
  Floats values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float uniform = uniform_from_word(philox_word(seed, which, i));
    values[i] = whole ? std::floor(uniform * 9.0f) - 4.0f : 2.0f * uniform - 1.0f;
  }
  return values;
}

/// An axis under a kernel of three taps and stride 1, with so many cells of padding at either end.
inline WindowAxis axis_of_three(int input, int before, int after) {
  return window_axis({.input = input, .kernel = 3, .padding_begin = before, .padding_end = after},
                     Padding::explicit_cells);
}

inline Values doubled(const Floats& values) { return {values.begin(), values.end()}; }

template <class T>
View<T> view(std::vector<T>& values) {
  return {values.data(), static_cast<std::int64_t>(values.size())};
}

template <class T>
View<const T> view(const std::vector<T>& values) {
  return {values.data(), static_cast<std::int64_t>(values.size())};
}

/// The number of OpenMP threads, until the end of the scope.
class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

/// An instruction set for the CPU kernels, until the end of the scope.
class InstructionSetScope {
 public:
  explicit InstructionSetScope(kernels::cpu::InstructionSet set) : before_(kernels::cpu::instruction_set()) {
    kernels::cpu::use_instruction_set(set);
  }
  ~InstructionSetScope() { kernels::cpu::use_instruction_set(before_); }
  InstructionSetScope(const InstructionSetScope&) = delete;
  InstructionSetScope& operator=(const InstructionSetScope&) = delete;

 private:
  kernels::cpu::InstructionSet before_;
};

/// Runs the test case once with each instruction set of this machine.
inline InstructionSetScope with_every_instruction_set() {
  const kernels::cpu::InstructionSet set = GENERATE(from_range(kernels::cpu::supported_instruction_sets()));
  return InstructionSetScope(set);
}

/// Calls body(set) under each instruction set of this machine.
template <class Body>
void under_each_instruction_set(const Body& body) {
  for (const kernels::cpu::InstructionSet set : kernels::cpu::supported_instruction_sets()) {
    const InstructionSetScope scope(set);
    body(set);
  }
}

/// A value that no kernel writes by itself: one that stays in an output was not written.
template <class T>
T poison() {
  if constexpr (std::is_floating_point_v<T>) return not_a_number;
  return std::numeric_limits<T>::max();
}

/// What run(output) writes into `size` poisoned elements, with 1, 2 and 3 threads: to the bit the same.
template <class T = float, class Run>
std::vector<T> at_every_thread_count(std::int64_t size, const Run& run) {
  std::vector<T> first;
  for (const int threads : {1, 2, 3}) {
    const ThreadCount scope(threads);
    std::vector<T> output(static_cast<std::size_t>(size), poison<T>());
    run(view(output));
    if (threads == 1) {
      first = output;
    } else {
      INFO(threads << " threads against one");
      REQUIRE(std::memcmp(first.data(), output.data(), output.size() * sizeof(T)) == 0);
    }
  }
  return first;
}

/// The largest difference, relative to the largest value of what is right; infinite if a value is not a number.
inline double difference(const Floats& got, const Values& right) {
  double worst = 0, scale = 1;
  for (std::size_t i = 0; i < right.size(); ++i) {
    scale = std::max(scale, std::abs(right[i]));
    const double error = std::abs(got[i] - right[i]);
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  return worst / scale;
}

/// |actual - expected| <= tolerance * (1 + |expected|), element by element.
inline void check_close(const Floats& actual, const Values& expected, double tolerance = 1e-5) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::fabs(actual[i] - expected[i]) <= tolerance * (1 + std::fabs(expected[i]))) continue;
    INFO("element " << i << " of " << actual.size());
    REQUIRE(actual[i] == Approx(expected[i]).epsilon(tolerance).margin(tolerance));
  }
  CHECK(!actual.empty());
}

/// d sum(upstream · function(x)) / dx by central differences, in double.
template <class Function>
Values finite_differences(const Values& x, const Values& upstream, const Function& function, double step = 1e-5) {
  Values gradient(x.size()), moved = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double difference = 0;
    for (const double side : {1.0, -1.0}) {
      moved[i] = x[i] + side * step;
      const Values y = function(moved);
      for (std::size_t k = 0; k < y.size(); ++k) difference += side * upstream[k] * y[k];
    }
    moved[i] = x[i];
    gradient[i] = difference / (2 * step);
  }
  return gradient;
}

}  // namespace mien::testing
