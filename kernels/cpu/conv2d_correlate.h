// The one engine behind the convolution's forward pass and its input gradient. Both are correlations:
//
//   sum[position][out] = sum over taps and source channels of source[cell under the tap] * weight[tap][in][out]
//
// forward with the image as the source, backward with dz as the source and the weights turned round.
#pragma once

#include <cstdint>

#include "mien/kernels/cpu/conv2d_epilogue.h"
#include "mien/kernels/cpu/conv2d_window.h"

namespace mien::kernels::cpu {

/// The taps of one axis in the weight tensor: tap t of the correlation is kernel row (or column) first + t * step.
struct KernelAxis {
  int first = 0, step = 1;
};

struct Correlation {
  int batch = 1;
  TapAxis height, width;
  int groups = 1, in_per_group = 1, out_per_group = 1;  ///< of the source and of the result
  const float* source = nullptr;

  const float* w = nullptr;       ///< the convolution's weights (kh, kw, in / groups, out)
  const float* packed = nullptr;  ///< the same as pack_weights left them; null: they are packed at each call
  int w_kernel_width = 1;         ///< kw
  KernelAxis w_height = {}, w_width = {};
  bool w_turned = false;  ///< backward: the weights' `in` is the result's channel, their `out` the source's

  // The result at position (p, q) goes to row p * result_height_step + result_top of y, likewise its column.
  float* y = nullptr;
  int result_height = 1, result_width = 1;  ///< of y (before the pool)
  int result_row_step = 1, result_row_first = 0, result_column_step = 1, result_column_first = 0;

  const float* bias = nullptr;
  const float* residual = nullptr;  ///< as y: added before the activation; neither depthwise nor with the pool
  Activation activation = {};
  bool pool = false;
  std::uint8_t* argmax = nullptr;

  /// Copies the patches that a tile multiplies side by side first (gemm), or reads them in the window (direct).
  bool gather_patches = false;
};

/// Computes it, on all threads.
void correlate(const Correlation& c);

/// Computes `count` depthwise correlations that read one source and write places of their own of one result, together:
/// row after row, so that what they share stays in a cache. One without taps gives zeros.
void correlate_depthwise(const Correlation* parts, int count);

/// Weights lie in memory as the tiles read them, for a result that is computed many times from the same weights: floats
/// that they take (0: nothing to prepare), and the packing. They hold for any batch and image size, and for the
/// instruction set in use alone.
std::int64_t packed_weights_size(const Correlation& c);
void pack_weights(const Correlation& c, float* packed);

/// The same for the forward pass of a convolution: see conv2d_forward_blocked.
std::int64_t packed_weights_size(const Conv2dGeometry& g);
void pack_conv2d_weights(const float* w, const Conv2dGeometry& g, float* packed);

}  // namespace mien::kernels::cpu
