// The two loops of a warped row (warp.h): where its pixels come from, and what they are.
#pragma once

#include <cstdint>
#include <vector>

#include "mien/kernels/cpu/warp.h"

namespace mien::kernels::cpu {

/// One row of the result on its way. Every array has room for whole vectors beyond the row's end.
struct WarpRow {
  std::vector<std::int32_t> offsets;  ///< of the upper left neighbour in the plane; -1: outside (WarpFill::constant)
  std::vector<float> down, right;     ///< weights of the lower and of the right neighbours
  std::vector<float> values;          ///< of one channel after another

  void resize(int width, int channels);
  float* values_of(int channel) { return values.data() + offsets.size() * static_cast<std::size_t>(channel); }
};

/// Pixels from one row of the plane to the next. The plane has a column and a row more than the picture, so that the
/// last pixel has neighbours too.
inline int plane_pitch(const Warp& warp) { return warp.width + 1; }

/// Those of one instruction set.
struct WarpKernels {
  /// Offsets and weights of a row.
  void (*places)(const Warp& warp, int row, WarpRow& to);
  /// Values of one channel by a row's places. A plane of bytes holds pairs, each pixel and the one below it, and one
  /// pair more.
  void (*byte_values)(const std::uint16_t* plane, const Warp& warp, const WarpRow& places, float* values);
  void (*float_values)(const float* plane, const Warp& warp, const WarpRow& places, float* values);
  /// pairs[i] = upper[i] + 256 * lower[i].
  void (*pair_rows)(const std::uint8_t* upper, const std::uint8_t* lower, int width, std::uint16_t* pairs);
  /// colours[3 * i] = red[i], and so on.
  void (*join_colours)(const float* red, const float* green, const float* blue, int width, float* colours);
};

const WarpKernels& warp_kernels();

}  // namespace mien::kernels::cpu
