// The panels that a register tile multiplies by (gemm_tile.h), copied out of a matrix: k down, the panel's columns side
// by side, zeros past the last column.
#pragma once

#include <cstdint>

#include "mien/kernels/cpu/gemm_tile.h"

namespace mien::kernels::cpu {

/// Those of one instruction set. A panel is `depth` rows of panel_columns floats, of which `columns` come from the
/// matrix.
struct PanelKernels {
  /// Value k of column j lies at from + k * step + j.
  void (*copy)(const float* from, std::int64_t step, std::int64_t depth, int columns, int panel_columns, float* to);
  /// The columns alone, `to_step` floats from one value of k to the next.
  void (*copy_columns)(const float* from, std::int64_t step, std::int64_t depth, int columns, float* to,
                       std::int64_t to_step);
  /// Value k of column j lies at from + j * step + k.
  void (*transpose)(const float* from, std::int64_t step, std::int64_t depth, int columns, int panel_columns,
                    float* to);
};

const PanelKernels& panel_kernels();

/// Columns of all the panels that cover `columns`.
inline int panels_width(const TileKernels& kernels, int columns) {
  int width = 0;
  while (width < columns) width += kernels.panel_columns(columns - width);
  return width;
}

}  // namespace mien::kernels::cpu
