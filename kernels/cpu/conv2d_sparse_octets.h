// The vector kernel of the pool-sparse weight gradient for one input channel and octets of output channels
// (conv2d_sparse_octets.cpp has the algorithm).
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// Some rows of windows, for one octet.
struct SparseOctetsProduct {
  const float* x;  ///< the groups (conv2d_octets.h) of the first row of x under them; two more for each row of windows
  std::int64_t x_pitch;
  const std::uint8_t* argmax;  ///< of the first window
  const float* dy;
  std::int64_t pitch;  ///< of argmax and dy: elements from a row of windows to the next
  int out_channels;    ///< and from a window to the next
  int rows, windows;
  float* sums;  ///< ten vectors: of the nine taps, and of dy; lane 8 * k + c is channel c of every group's window k
};

/// That of one instruction set; null where vectors are shorter than an octet.
struct SparseOctetsKernels {
  void (*multiply)(const SparseOctetsProduct& product);
};

const SparseOctetsKernels& sparse_octets_kernels();

}  // namespace mien::kernels::cpu
