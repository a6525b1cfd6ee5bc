// Depthwise sums: every channel is convolved with taps of its own, so there is no product to make of it; vectors run
// over channels.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"

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

/// Some rows of results of one image for nine neighbouring taps: sums, bias and activation. Result (i, j) has its first
/// tap on cell (i * row_step + top, j * column_step + left); cells outside of the image are zero.
struct Depthwise3x3 {
  const float* x;  ///< (height, width, channels)
  int height, width, channels;
  int top, left, row_step, column_step;  ///< column_step is 1 or 2
  const float* w[9];                     ///< of each tap, the weights of all channels
  const float* bias;                     ///< null: none
  Activation activation;                 ///< a gate (Activation::is_gate)
  const float* zeros;                    ///< one cell outside: as many as there are channels
  int row_begin, row_end, positions;     ///< rows of results, and results in each
  float* y;                              ///< row row_begin; nothing lies between the results
  bool streamed;  ///< y goes past the caches: it lies in whole cache lines, channels too; the caller flushes
};

/// The same bits as sums and epilogue give, but that a zero may have the other sign.
void depthwise_3x3(const Depthwise3x3& rows);

}  // namespace mien::kernels::cpu
