// The product that everything dense is made of: a small tile of c (rows, columns) held in registers while k runs.
//
//   c[r][j] (+)= sum over k of a[r][k] * b[k][j]
//
// A tile is as many rows as the registers hold, times one or two vectors of columns (a panel). a is read in place, one
// value at a time: row r starts where its pointer says, and k walks through `runs` of evenly spaced values. So one
// kernel serves a matrix, its transpose, and an image whose taps lie in runs. The sum of each element is one chain of
// multiply-adds over k, in order: it depends neither on the tile's place nor on the number of threads.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// `length` values of k whose a lies `offset` after each row's pointer.
struct Run {
  std::int64_t offset;
  std::int64_t length;
};

/// What a tile is computed from, and where it goes.
struct TileOperands {
  const float* const* rows;  ///< where each row of a starts: as many pointers as the tile has rows, at any padding
  const Run* runs;           ///< the values of k, run after run
  std::int64_t run_count;
  std::int64_t a_step = 1;  ///< from one k to the next within a run
  const float* b;           ///< the panel: row k at b + k * b_step, the panel's columns side by side
  std::int64_t b_step;
  float* c;  ///< row r at c + r * c_step
  std::int64_t c_step;
  std::int64_t ahead = 0;  ///< so many floats behind what is read of b, it is asked for; it must lie in one piece
  bool add = false;        ///< c += the sum, else c = it
  bool resumes = false;    ///< the chain of multiply-adds goes on from what c holds, so that k may come in pieces
};

/// What becomes of a tile's sums once they are whole: y = activation(sum + bias + residual), instead of c.
struct TileFinish {
  const float* bias = nullptr;      ///< of the panel's columns; null: none
  const float* residual = nullptr;  ///< laid out as y; null: none
  Activation activation = {};       ///< a gate (Activation::is_gate)
  float* y;                         ///< row r at y + r * y_step
  std::int64_t y_step;
  bool streamed = false;  ///< y goes past the caches
};

/// Most rows of any tile: what arrays of row pointers are sized by.
inline constexpr int max_tile_rows = 12;
/// Most columns of any panel.
inline constexpr int max_panel_columns = 32;

/// The tile kernels of one instruction set.
struct TileKernels {
  /// Columns of the panel to use where `remaining` columns are left; may be more than remain.
  int (*panel_columns)(int remaining);
  /// Rows of the largest tile with such a panel.
  int (*tile_rows)(int panel_columns);
  /// Computes `rows` (at most tile_rows) rows of a panel. It may read row pointers, and write rows of c, up to
  /// rounded_rows(panel, rows).
  void (*multiply)(int panel_columns, int rows, const TileOperands& operands);
  /// The number of rows that a tile of `rows` really has.
  int (*rounded_rows)(int panel_columns, int rows);
  /// Computes a tile of tile_rows rows and hands its sums on from the registers. With `streamed`, y must be aligned to
  /// the vector, and whoever asked for it flushes (EpilogueKernels::finish_streaming).
  void (*multiply_and_finish)(int panel_columns, const TileOperands& operands, const TileFinish& finish);
};

/// Those of the instruction set in use.
const TileKernels& tile_kernels();

/// kernels.multiply where only `rows` rows and `columns` columns of c exist: through a buffer if the tile sticks out.
void multiply_into(const TileKernels& kernels, TileOperands tile, int panel_columns, int rows, int columns);

}  // namespace mien::kernels::cpu
