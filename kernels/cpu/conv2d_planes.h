// An image of few channels, taken apart so that neighbouring windows of a 2x2 pool lie side by side: what a tap of a
// 3x3 kernel reads at any place of the windows' blocks is then one load for a whole vector of windows. A row's planes
// hold, for each channel, its columns two apart, from each of the four columns under the first window's taps.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// A row of an image, and the planes to fill: element k of plane 4 * channel + j, which starts at
/// planes + (4 * channel + j) * pitch, is column left + 2 * k + j; zero where that is outside the row. (The last two
/// planes repeat the first two a column on: all loads are aligned, and a load across two lines of a cache costs twice.)
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

  /// Floats of a plane for `windows` windows: whole vectors of them, and one more for the column after.
  std::int64_t pitch(int windows) const { return (windows + lanes - 1) / lanes * lanes + lanes; }
  /// Floats of a row's planes.
  std::int64_t row_floats(int windows, int channels) const { return 4 * channels * pitch(windows); }
};

const PlanesKernels& planes_kernels();

}  // namespace mien::kernels::cpu
