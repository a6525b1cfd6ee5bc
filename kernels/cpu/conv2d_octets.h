// One input channel, output channels in eights ("octets"): the first layer of most networks for grey images. Lanes are
// the eight channels of an octet, and as many neighbouring windows of the 2x2 pool as the vector has room for. Results,
// dy and argmax bytes then lie in memory as they lie in the vector, and nothing has to change its order.
//
// What every row of x is made into, for this: for each group of windows that share a vector, the four columns under a
// window's taps, and of each column the windows' pixels side by side. With two windows a vector (columns of the row as
// numbers): 0 2 1 3 2 4 3 5, then 4 6 5 7 6 8 7 9, and so on.
#pragma once

#include <cstdint>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/geometry.h"
#include "mien/kernels/view.h"

namespace mien::kernels::cpu {

inline constexpr int octet = 8;

/// A row of an image, and the groups to fill.
struct OctetsFill {
  const float* x;  ///< null: the whole row is outside
  int width;
  int left;  ///< the column under the first window's first tap
  int windows;
  float* groups;  ///< OctetsKernels::row_floats of them, aligned
};

/// A row of windows of the convolution with its epilogue.
struct OctetsRow {
  const float* x[4];  ///< the groups of the four rows under the windows' taps
  int windows;
  const float* w;     ///< (3, 3, 1, out_channels)
  const float* bias;  ///< null: none
  int out_channels;
  Activation activation;
  float* y;
  std::uint8_t* argmax;  ///< null: not wanted
};

/// Those of one instruction set.
struct OctetsKernels {
  int windows;  ///< of a group; 0: this instruction set's vectors are shorter than an octet, and there are no kernels
  void (*fill)(const OctetsFill& fill);
  void (*pooled)(const OctetsRow& row);

  /// Floats of a row's groups, whose number is made even: they are filled two at a time.
  std::int64_t row_floats(int row_windows) const { return block_count(row_windows, 2 * windows) * 2 * 4 * windows; }
};

const OctetsKernels& octets_kernels();

/// Whether these kernels know the shape and have vectors for it: 3x3, stride 1, pooled, one input channel, output
/// channels a multiple of eight. Then they are the ones to take: 1.2 to 1.25 times the speed of lanes of windows
/// (conv2d_narrow.h) for eight channels of 256x256. (On short rows of windows, where weights are loaded anew for a few
/// vectors only, the two are within a tenth of each other.)
inline bool octets_fit(const Conv2dGeometry& g) {
  return g.pool && g.is_plain_3x3() && g.in_channels == 1 && g.out_channels % octet == 0 &&
         octets_kernels().windows > 0;
}

/// The fused convolution, to the same bits as Conv2dAlgorithm::direct. argmax may be empty, if not wanted.
void conv2d_forward_octets(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                           View<std::uint8_t> argmax, const Conv2dGeometry& g);

}  // namespace mien::kernels::cpu
