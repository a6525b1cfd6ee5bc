// An affine map of a picture: every pixel of the result looks up the place in the input that the map sends it to.
// Augmentation (data/augmentation.h) is made of it; the numbers are scipy.ndimage.affine_transform's.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// What a place outside the picture shows: beyond the middle of the first or last pixel.
enum class WarpFill : std::uint8_t {
  nearest,      ///< the nearest pixel: a a a | a b c | c c c
  constant,     ///< a value, not blended with the pixels beside it
  reflect,      ///< a mirror at the edge: c b a | a b c | c b a
  wrap,         ///< the picture again: a b c | a b c | a b c
  wrap_middle,  ///< the picture again, first and last pixel on one another: scipy's "wrap", of period size - 1
};

/// The result's pixel (row, column) shows the input's place (row', column'):
/// row' = row_map[0] * row + row_map[1] * column + row_map[2], column' likewise. Places are exact doubles.
struct Warp {
  int height, width, channels;  ///< of input and result
  double row_map[3], column_map[3];
  bool flip_rows = false, flip_columns = false;  ///< mirror the result upside down, left to right
  bool interpolate = true;                       ///< between four pixels; false: the nearest one
  WarpFill fill = WarpFill::nearest;
  float fill_value = 0;  ///< of WarpFill::constant
};

/// y = x warped; both (height, width, channels). On the calling thread. Bytes keep their values: 0 to 255.
void warp(const std::uint8_t* x, float* y, const Warp& warp);
void warp(const float* x, float* y, const Warp& warp);

}  // namespace mien::kernels::cpu
