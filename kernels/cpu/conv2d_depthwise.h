// Depthwise sums: every channel is convolved with taps of its own, so there is no product to make of it; vectors run
// over channels.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// A row of neighbouring positions. Offsets, pitches and steps in floats.
struct DepthwiseRow {
  const float* window;       ///< tap (0, 0) of the first position
  std::int64_t step;         ///< from one position to the next
  const std::int64_t* taps;  ///< the offset of each tap
  int tap_count;
  int positions;
  int channels;
};

/// Those of one instruction set.
struct DepthwiseKernels {
  /// sums[position * sums_pitch + c] = sum over taps, in order, of window * w[tap * w_pitch + c].
  void (*sums)(const DepthwiseRow& row, const float* w, std::int64_t w_pitch, float* sums, std::int64_t sums_pitch);
  /// dw[tap * dw_pitch + c] += sum over positions, in order, of window * dz[position * dz_pitch + c].
  void (*weights)(const DepthwiseRow& row, const float* dz, std::int64_t dz_pitch, float* dw, std::int64_t dw_pitch);
};

const DepthwiseKernels& depthwise_kernels();

}  // namespace mien::kernels::cpu
