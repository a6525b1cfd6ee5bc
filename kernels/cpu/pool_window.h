// What the pooling kernels share: walking the cells under a window, and the windows over a cell.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// Calls body(tap, cell) for the taps of the window at (row, column) that lie inside the picture, in order. `tap` is
/// tap row * kernel width + tap column, `cell` the offset of the cell's first channel in its picture.
template <class Body>
void for_each_cell(const Pool2dGeometry& g, int row, int column, const Body& body) {
  for (int tap_row = 0; tap_row < g.height.kernel; ++tap_row) {
    const int y = g.height.cell(row, tap_row);
    if (!g.height.inside(y)) continue;
    for (int tap_column = 0; tap_column < g.width.kernel; ++tap_column) {
      const int x = g.width.cell(column, tap_column);
      if (!g.width.inside(x)) continue;
      body(tap_row * g.width.kernel + tap_column, (std::int64_t{y} * g.width.input + x) * g.channels);
    }
  }
}

/// The position whose tap `tap` lies on `cell`, or -1.
inline int position_over(const WindowAxis& axis, int cell, int tap) {
  const int start = cell + axis.padding_begin - tap * axis.dilation;
  return start >= 0 && start % axis.stride == 0 && start / axis.stride < axis.output ? start / axis.stride : -1;
}

/// Calls body(tap, window) for each window that has a tap on the cell at (row, column): the gather form of a gradient.
/// `window` is the offset of the window's first channel in its picture's output.
template <class Body>
void for_each_window(const Pool2dGeometry& g, int row, int column, const Body& body) {
  for (int tap_row = 0; tap_row < g.height.kernel; ++tap_row) {
    const int y = position_over(g.height, row, tap_row);
    if (y < 0) continue;
    for (int tap_column = 0; tap_column < g.width.kernel; ++tap_column) {
      const int x = position_over(g.width, column, tap_column);
      if (x < 0) continue;
      body(tap_row * g.width.kernel + tap_column, (std::int64_t{y} * g.width.output + x) * g.channels);
    }
  }
}

/// Cells of the picture under the window at `position` of one axis.
inline int cells_inside(const WindowAxis& axis, int position) {
  int count = 0;
  for (int tap = 0; tap < axis.kernel; ++tap) count += axis.inside(axis.cell(position, tap));
  return count;
}

}  // namespace mien::kernels::cpu
