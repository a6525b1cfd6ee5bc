// Depthwise sums: every channel is convolved with taps of its own, so there is no product to make of it; vectors run
// over channels.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// One tap: how far its cell lies from a position's first, and its weights (or their gradient) from the first, in
/// floats.
struct DepthwiseTap {
  std::int64_t x, w;
};

/// Neighbouring positions that have the same taps inside the image. Pitches and steps in floats.
struct DepthwiseRow {
  const float* x;     ///< the first position's
  std::int64_t step;  ///< from one position's to the next
  const DepthwiseTap* taps;
  int tap_count;
  int positions;
  int channels;
};

/// Those of one instruction set.
struct DepthwiseKernels {
  /// sums[position * pitch + c] = sum over taps, in order, of x * w.
  void (*sums)(const DepthwiseRow& row, const float* w, float* sums, std::int64_t pitch);
  /// dw += sum over positions, in order, of x * dz[position * pitch + c].
  void (*weights)(const DepthwiseRow& row, const float* dz, std::int64_t pitch, float* dw);
};

const DepthwiseKernels& depthwise_kernels();

}  // namespace mien::kernels::cpu
