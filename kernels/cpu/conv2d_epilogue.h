// What follows a convolution's sums: bias, activation, 2x2 max-pool, on rows of sums that are still in a cache; and the
// way back.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// Sums at neighbouring positions of one output row: `channels` of each, pitch floats apart.
struct EpilogueRow {
  const float* sums;             ///< with the pool: the upper of its two rows
  const float* lower = nullptr;  ///< with the pool: the lower
  std::int64_t pitch;
  int positions;  ///< of the result: with the pool, half as many as the sums have
  int channels;
  const float* bias = nullptr;      ///< of these channels; null: none
  const float* residual = nullptr;  ///< without the pool: added before the activation, beside y; null: none
  Activation activation = {};
  float* y;                        ///< the result, positions y_pitch floats apart
  std::uint8_t* argmax = nullptr;  ///< with the pool, beside y; null: not wanted
  std::int64_t y_pitch;
  bool streamed = false;  ///< without the pool: y goes past the caches, where its vectors are aligned
};

/// The way back for one row of pool windows.
struct EpilogueGradientRow {
  const float* y;
  const std::uint8_t* argmax;
  const float* dy;
  std::int64_t windows;
  int channels;
  Activation activation = {};
  float* upper;  ///< the two rows of dz, two positions a window
  float* lower;
};

/// Those of one instruction set.
struct EpilogueKernels {
  /// Whoever asked for streaming calls finish_streaming before another thread may read y.
  void (*plain)(const EpilogueRow& row);
  void (*finish_streaming)();
  void (*pooled)(const EpilogueRow& row);
  void (*pooled_backward)(const EpilogueGradientRow& row);
};

const EpilogueKernels& epilogue_kernels();

}  // namespace mien::kernels::cpu
