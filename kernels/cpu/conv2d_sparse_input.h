// The vector kernels of the pool-sparse input gradient (conv2d_sparse_input.cpp has the algorithm).
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// Output channels whose weights are used together: as many as a mask has bits, and few enough for a core's first
/// cache (9 * 16 floats each, with the widest vectors).
inline constexpr int sparse_channels = 32;

/// Which of up to 32 channels of a window have their maximum at each of the four places.
struct SparseMasks {
  std::uint32_t place[4];
};

/// The masks of `windows` neighbouring windows.
struct SparseMasking {
  const std::uint8_t* argmax;
  const std::uint8_t* end;  ///< of the whole array: nothing is read from here on
  std::int64_t pitch;       ///< bytes from window to window
  int windows;
  int channels;  ///< up to sparse_channels
  SparseMasks* masks;
};

/// A row of windows, for up to 32 output channels and one block of input channels.
struct SparseScatter {
  const SparseMasks* masks;
  const float* dy;
  std::int64_t pitch;  ///< floats of dy from window to window
  int windows;
  const float* w;          ///< packed: sparse_weight_floats of each channel
  float* dx;               ///< the four rows of pixels that the windows' taps touch: the gradients are added
  std::int64_t row_pitch;  ///< floats
};

/// Those of one instruction set. A pixel of a block of input channels is a vector, or half of one where half is enough:
/// [half].
struct SparseInputKernels {
  int lanes;
  void (*mask)(const SparseMasking& masking);
  void (*scatter[2])(const SparseScatter& scatter);
};

const SparseInputKernels& sparse_input_kernels();

}  // namespace mien::kernels::cpu
