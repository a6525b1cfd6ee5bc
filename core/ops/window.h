// What convolution and pooling share: pairs of (height, width), cells of padding, and the shape rule of one axis.
#pragma once

#include <limits>

#include "mien/core/check.h"
#include "mien/core/shape.h"
#include "mien/kernels/geometry.h"

namespace mien {

/// A height and a width; one number stands for both.
struct Extent2d {
  int height = 1, width = 1;

  constexpr Extent2d(int both) : height(both), width(both) {}
  constexpr Extent2d(int height, int width) : height(height), width(width) {}

  friend constexpr bool operator==(const Extent2d&, const Extent2d&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Extent2d& extent) {
    return out << extent.height << 'x' << extent.width;
  }
};

/// Cells round a picture, each side its own number.
struct Border {
  int top = 0, bottom = 0, left = 0, right = 0;

  friend constexpr bool operator==(const Border&, const Border&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Border& border) {
    return out << "{top " << border.top << ", bottom " << border.bottom << ", left " << border.left << ", right "
               << border.right << '}';
  }
};

/// Throws unless every side is at least 0.
inline void check_border(const char* op, const Border& border) {
  check(border.top >= 0 && border.bottom >= 0 && border.left >= 0 && border.right >= 0, op,
        "padding must be at least 0 on each side. Got ", border, ".");
}

/// The completed axis of a sliding window: how many positions it has and what padding. `axis` holds input, kernel,
/// stride, dilation and, for Padding::explicit_cells, the padding. Throws where a number is out of range or the window
/// does not fit; `which` ("height") names the axis then.
inline WindowAxis checked_window_axis(const char* op, const char* which, const WindowAxis& axis, Padding padding) {
  check(axis.kernel >= 1 && axis.stride >= 1 && axis.dilation >= 1, op,
        "window, stride and dilation must be at least 1", " along the ", which, ". Got ", axis.kernel, ", ",
        axis.stride, " and ", axis.dilation, ".");
  const std::int64_t extent = std::int64_t{axis.kernel - 1} * axis.dilation + 1;
  const std::int64_t padded = std::int64_t{axis.input} + axis.padding_begin + axis.padding_end;
  constexpr std::int64_t most = std::numeric_limits<int>::max() / 2;
  check(extent <= most && padded <= most && axis.stride <= most, op, "the window's extent, the padded input and the ",
        "stride may not pass ", most, " along the ", which, ". Got ", extent, ", ", padded, " and ", axis.stride, ".");
  const WindowAxis result = window_axis(axis, padding);
  check(result.output >= 1, op, "a window of ", extent, " cells does not fit the input's ", which, " of ", axis.input,
        padding == Padding::explicit_cells ? " with its padding." : ".");
  return result;
}

}  // namespace mien
