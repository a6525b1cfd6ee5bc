// The vector kernels of the pool-sparse weight gradient for few input channels (conv2d_sparse_planes.cpp has the
// algorithm).
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// dy of up to four channels, window after window, to be parted into a row for each channel.
struct SparseSpread {
  const std::uint32_t* codes;  ///< the four channels' argmax bytes of each window
  const float* dy;             ///< four a window
  int windows;                 ///< a multiple of the lanes
  int channels;
  float* rows;  ///< channel c's at rows + c * pitch; zero where the argmax says killed
  std::int64_t pitch;
  float* dbias;  ///< each channel's sum is added
};

/// One output channel's gradients times one input channel's planes.
struct SparsePlanesProduct {
  const float* x;          ///< its planes (conv2d_planes.h) of the first row
  std::int64_t row_pitch;  ///< from row to row
  std::int64_t pitch;      ///< from plane to plane
  const std::uint32_t* codes;
  int shift;        ///< of this channel's byte in the codes
  const float* dy;  ///< its gradients, zero where killed
  int rows;         ///< of windows
  int windows;      ///< of a row: a multiple of the lanes
  float* dw;        ///< nine taps of a vector: sums of every lane's windows are added
};

/// Those of one instruction set.
struct SparsePlanesKernels {
  void (*spread)(const SparseSpread& spread);
  void (*multiply)(const SparsePlanesProduct& product);
};

const SparsePlanesKernels& sparse_planes_kernels();

}  // namespace mien::kernels::cpu
