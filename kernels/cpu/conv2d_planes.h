// An image of few channels, taken apart so that neighbouring windows of a 2x2 pool lie side by side: a plane of its
// even and one of its odd columns for each channel. What a tap reads for a vector of windows is then one load, for
// every tap of a 3x3 kernel at every place of the windows' blocks.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// A row of an image, and the planes to fill: element k of plane 2 * channel + parity, which starts at
/// planes + (2 * channel + parity) * pitch, is column left + 2 * k + parity; zero where that is outside the row.
struct PlanesRow {
  const float* x;  ///< null: the whole row is outside
  int width;
  int channels;
  int left;
  float* planes;
  std::int64_t pitch;
};

/// Those of one instruction set.
struct PlanesKernels {
  int lanes;
  void (*fill)(const PlanesRow& row);

  /// Floats of a plane for `windows` windows: whole vectors of them, and room for the column after.
  std::int64_t pitch(int windows) const { return (windows + lanes - 1) / lanes * lanes + lanes; }
};

const PlanesKernels& planes_kernels();

}  // namespace mien::kernels::cpu
