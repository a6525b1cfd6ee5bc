// The machine's roofline: the most that its arithmetic and its memory give, measured here and now by loops that do
// nothing else. Every kernel's time is held against it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mien/kernels/cpu/instruction_set.h"

namespace mien::bench {

/// The bounds of one instruction set and one number of threads.
struct Roofline {
  std::string instruction_set;
  int threads = 1;
  double gflops = 0;     ///< multiply-adds in registers, two operations each, in 1e9 a second
  double read_gbs = 0;   ///< summing an array far larger than the caches, in 1e9 bytes a second
  double copy_gbs = 0;   ///< y = x; bytes read and bytes written both count, here and below
  double triad_gbs = 0;  ///< z = x + factor * y

  /// The seconds that reading and writing so many bytes takes at least: a byte read costs what it costs in the read
  /// test, a byte written what is left of the copy test's time.
  double memory_seconds(double read_bytes, double written_bytes) const;
};

/// Multiply-adds alone: best of several short runs.
double measure_fma_gflops(kernels::cpu::InstructionSet set, int threads);

/// All bounds, with the instruction set in use. Takes about a second.
Roofline measure_roofline(int threads);

/// For the table: every instruction set that the machine has × 1 thread and all threads.
std::vector<Roofline> measure_rooflines(int threads);

/// As JSON: one object.
std::string to_json(const Roofline& roofline);

}  // namespace mien::bench
