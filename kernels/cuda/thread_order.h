// Whose turn it is: the order in which the emulator runs the blocks of a grid, the warps of a block and the threads of
// a warp. A kernel that is right gives the same bits in every one; one that lacks a barrier seldom does.
#pragma once

#include <cstdint>
#include <string>

#include "mien/kernels/cuda/emulator.h"

namespace mien::kernels::emulated {

/// An order, and the seed of a random one. A random order follows from the seed and the launch alone: a launch runs in
/// the same one wherever in a program it stands.
class Turns {
 public:
  Turns(ThreadOrder order, std::uint64_t seed) : order_(order), seed_(seed) {}

  /// The order that MIEN_EMULATOR_ORDER names: forward, reverse, random:SEED, or random, which draws a seed and prints
  /// it to stderr. Throws Error for anything else.
  static Turns from_environment();

  /// Of 0 … count - 1, the one whose turn comes as number `step`. Each value of `sequence` stands for a random order
  /// of its own.
  std::int64_t at(std::int64_t step, std::int64_t count, std::uint64_t sequence) const;

  /// What an error adds, so that it can be had again: " (MIEN_EMULATOR_ORDER=random:17)", or nothing for forward.
  std::string note() const;

  ThreadOrder order() const { return order_; }

 private:
  std::string name() const;

  ThreadOrder order_;
  std::uint64_t seed_;
};

}  // namespace mien::kernels::emulated
