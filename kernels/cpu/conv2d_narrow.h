// The direct convolution for images of one channel, as a network's first layer sees them: 3x3, stride 1, fused with
// bias, activation and 2x2 max-pool.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"
#include "mien/kernels/view.h"

namespace mien::kernels::cpu {

/// Whether this kernel knows the shape and is the one to take: a 3x3 convolution of stride 1 without dilation, of one
/// input channel. Any padding, size and number of output channels. (The register tile of the other direct kernel steps
/// along the input channels of a tap: with one it mostly starts and stops. From three on it was the faster one.)
inline bool narrow_fits(const Conv2dGeometry& g) { return g.in_channels == 1 && g.is_plain_3x3(); }

/// The convolution with its epilogue, to the same bits as Conv2dAlgorithm::direct: every sum is one chain of
/// multiply-adds over the taps in their order.
void conv2d_forward_narrow(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                           View<std::uint8_t> argmax, const Conv2dGeometry& g);

/// A row of 2x2 blocks of the convolution, and where its results go.
struct NarrowRow {
  const float* x[4];   ///< the planes (conv2d_planes.h) of the four rows that the blocks' taps touch
  std::int64_t pitch;  ///< of the planes
  int blocks;
  const float* w;     ///< as it comes: (3, 3, 1, out_channels)
  const float* bias;  ///< null: none
  int out_channels;
  Activation activation;
  float* y;              ///< of the first block; without the pool, of its upper row
  float* lower;          ///< without the pool: the row below, null where there is none
  int columns;           ///< without the pool: positions of these rows
  std::uint8_t* argmax;  ///< with the pool; null: not wanted
};

/// Those of one instruction set.
struct NarrowKernels {
  void (*plain)(const NarrowRow& row);
  void (*pooled)(const NarrowRow& row);
};

const NarrowKernels& narrow_kernels();

}  // namespace mien::kernels::cpu
