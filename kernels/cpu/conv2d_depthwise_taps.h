// Which taps of a window fall inside the image: a row of positions is cut into stretches whose positions all have the
// same ones, so that a depthwise kernel reads the image where it lies, without padding.
#pragma once

#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/conv2d_depthwise.h"
#include "mien/kernels/cpu/conv2d_window.h"

namespace mien::kernels::cpu {

/// Neighbouring positions begin … end-1 of row `row` that have these taps inside.
struct Stretch {
  int row;
  int begin, end;
  int tap_row_begin, tap_row_end, tap_column_begin, tap_column_end;
};

/// The taps of one axis that fall inside the image at `position`: begin … end-1.
struct TapRange {
  int begin, end;
  friend bool operator==(const TapRange&, const TapRange&) = default;
};

inline TapRange taps_inside(const TapAxis& axis, int position) {
  const int lowest = axis.lowest(position);
  const int begin = lowest >= 0 ? 0 : (-lowest + axis.spacing - 1) / axis.spacing;
  const int end = lowest >= axis.source ? 0 : (axis.source - 1 - lowest) / axis.spacing + 1;
  return {std::min(begin, axis.taps), std::max(std::min(begin, axis.taps), std::min(end, axis.taps))};
}

/// Calls body(stretch) for the stretches of columns begin … end-1 of a row of positions.
template <class Body>
void for_each_stretch(const TapAxis& height, const TapAxis& width, int row, int begin, int end, const Body& body) {
  const TapRange rows = taps_inside(height, row);
  while (begin < end) {
    const TapRange columns = taps_inside(width, begin);
    int next = begin + 1;
    // Past the left border all taps are inside, up to where the last one leaves.
    if (columns == TapRange{0, width.taps})
      next =
          std::clamp((width.source - 1 - (width.taps - 1) * width.spacing - width.first) / width.step + 1, next, end);
    while (next < end && taps_inside(width, next) == columns) ++next;
    body(Stretch{row, begin, next, rows.begin, rows.end, columns.begin, columns.end});
    begin = next;
  }
}

/// Reads `size` floats from one end to the other. What comes from memory comes faster so: the taps' own order, a few
/// cells of three rows in turn, is none that the processor foresees.
inline void fetch(const float* from, std::int64_t size) {
  constexpr int line = 16;
  for (std::int64_t i = 0; i < size; i += line) static_cast<void>(*static_cast<const volatile float*>(from + i));
}

/// Their taps, counted from the image's first value and the first weight; weight_place(tap) in floats.
template <class WeightPlace>
void list_taps(const TapAxis& height, const TapAxis& width, int channels, const Stretch& stretch,
               const WeightPlace& weight_place, std::vector<DepthwiseTap>& taps) {
  taps.clear();
  for (int i = stretch.tap_row_begin; i < stretch.tap_row_end; ++i)
    for (int j = stretch.tap_column_begin; j < stretch.tap_column_end; ++j) {
      const std::int64_t row = height.lowest(stretch.row) + i * height.spacing;
      const std::int64_t column = width.lowest(stretch.begin) + j * width.spacing;
      taps.push_back({(row * width.source + column) * channels, weight_place(i * width.taps + j)});
    }
}

}  // namespace mien::kernels::cpu
