// Matrix product: c is cut into blocks of rows and columns, one task each. A task walks k in blocks of
// multiply_depth, copies its part of b into panels (k, columns side by side) and each tile's rows of a together, and
// lets the tile kernel run over them. Copies are what keeps power-of-two pitches from evicting their own cache lines.
#include "mien/kernels/cpu/gemm.h"

#include <algorithm>
#include <cstring>

#include "mien/kernels/cpu/caches.h"
#include "mien/kernels/cpu/panels.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {
namespace {

/// Rows of a task's block of c; floats of b that it holds packed at once; bounds of its columns; and the number of
/// tasks that columns are divided for.
constexpr int block_rows = 192, block_floats = 1 << 16, least_columns = 64, enough_tasks = 16;

/// Columns of a task's block: whole panels.
int block_columns(const MatmulGeometry& g) {
  // A product of one tile's rows reads b as if it did nothing else: a panel at a time, all of k in turn.
  if (g.m <= max_tile_rows) return max_panel_columns;
  int columns = std::max(least_columns, block_floats / std::min(g.k, multiply_depth) / least_columns * least_columns);
  const std::int64_t row_blocks = block_count(g.m, block_rows);
  while (columns > least_columns && row_blocks * block_count(g.n, columns) < enough_tasks)
    columns = columns / 2 / least_columns * least_columns;
  return columns;
}

/// Copies rows k0 … k0+depth-1 and `columns` columns from j of op(b) into a panel, with zeros up to panel_columns.
void pack_panel(const float* b, const MatmulGeometry& g, int k0, int depth, int j, int columns, int panel_columns,
                float* panel) {
  if (g.transpose_b)
    panel_kernels().transpose(b + std::int64_t{j} * g.k + k0, g.k, depth, columns, panel_columns, panel);
  else
    panel_kernels().copy(b + std::int64_t{k0} * g.n + j, g.n, depth, columns, panel_columns, panel);
}

/// The panels of columns column_begin … column_end-1, one after the other. A few values of k at a time, of all panels:
/// what is not transposed is read in long pieces then.
void pack_panels(const float* b, const MatmulGeometry& g, int k0, int depth, int column_begin, int column_end,
                 float* panels) {
  const TileKernels& kernels = tile_kernels();
  const int step = g.transpose_b ? depth : 8;
  for (int k = 0; k < depth; k += step)
    for (int j = column_begin; j < column_end;) {
      const int panel_columns = kernels.panel_columns(column_end - j),
                columns = std::min(panel_columns, column_end - j);
      pack_panel(b, g, k0 + k, std::min(step, depth - k), j, columns, panel_columns,
                 panels + std::int64_t{depth} * (j - column_begin) + k * panel_columns);
      j += columns;
    }
}

/// The rows i … i+rows-1 of op(a), k0 … k0+depth-1, side by side; returns the step from one k to the next.
std::int64_t pack_rows(const float* a, const MatmulGeometry& g, int k0, int depth, int i, int rows, float* packed,
                       const float** row) {
  if (g.transpose_a) {
    panel_kernels().copy_columns(a + std::int64_t{k0} * g.m + i, g.m, depth, rows, packed, max_tile_rows);
    for (int r = 0; r < max_tile_rows; ++r) row[r] = packed + std::min(r, rows - 1);
    return max_tile_rows;
  }
  constexpr int pitch = multiply_depth + 16;
  for (int r = 0; r < rows; ++r)
    std::memcpy(packed + r * pitch, a + std::int64_t{i + r} * g.k + k0, sizeof(float) * depth);
  for (int r = 0; r < max_tile_rows; ++r) row[r] = packed + std::min(r, rows - 1) * pitch;
  return 1;
}

struct MultiplyScratch;

void multiply_block(const TileKernels& kernels, const float* a, const float* b, const float* packed_b, float* c,
                    const MatmulGeometry& g, int row_begin, int column_begin, int column_end) {
  const int row_end = std::min(g.m, row_begin + block_rows);
  const std::int64_t panel_space =
      std::int64_t{std::min(g.k, multiply_depth)} * panels_width(kernels, column_end - column_begin);
  float* const panels = thread_scratch<MultiplyScratch>(panel_space + max_tile_rows * (multiply_depth + 16));
  float* const packed_rows = panels + panel_space;
  for (int k0 = 0; k0 < g.k; k0 += multiply_depth) {
    const int depth = std::min(multiply_depth, g.k - k0);
    const Run run = {0, depth};
    if (!packed_b) pack_panels(b, g, k0, depth, column_begin, column_end, panels);
    for (int i = row_begin; i < row_end;) {
      const int rows = std::min(row_end - i, kernels.tile_rows(kernels.panel_columns(column_end - column_begin)));
      const float* row[max_tile_rows];
      const std::int64_t a_step = pack_rows(a, g, k0, depth, i, rows, packed_rows, row);
      const float* block_panel = panels;
      for (int j = column_begin; j < column_end;) {
        const int panel_columns = kernels.panel_columns(column_end - j);
        const int columns = std::min(panel_columns, column_end - j);
        multiply_into(
            kernels,
            {.rows = row,
             .runs = &run,
             .run_count = 1,
             .a_step = a_step,
             .b = packed_b ? packed_b + std::int64_t{g.k} * j + std::int64_t{k0} * panel_columns : block_panel,
             .b_step = panel_columns,
             .c = c + std::int64_t{i} * g.n + j,
             .c_step = g.n,
             .ahead = packed_b ? memory_ahead : 0,
             .add = k0 > 0},
            panel_columns, rows, columns);
        block_panel += depth * panel_columns;
        j += columns;
      }
      i += rows;
    }
  }
}

}  // namespace

void multiply_into(const TileKernels& kernels, TileOperands tile, int panel_columns, int rows, int columns) {
  if (columns == panel_columns && rows == kernels.rounded_rows(panel_columns, rows))
    return kernels.multiply(panel_columns, rows, tile);
  alignas(64) float buffer[max_tile_rows * max_panel_columns];
  float* const c = tile.c;
  const std::int64_t c_step = tile.c_step;
  const bool add = tile.add;
  tile.c = buffer, tile.c_step = panel_columns, tile.add = false;
  kernels.multiply(panel_columns, rows, tile);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < columns; ++j) {
      const float sum = buffer[r * panel_columns + j];
      float& to = c[r * c_step + j];
      to = add ? to + sum : sum;
    }
}

std::int64_t packed_matrix_size(const MatmulGeometry& g) { return g.k * panels_width(tile_kernels(), g.n); }

void pack_matrix(const float* b, const MatmulGeometry& g, float* packed) {
  const TileKernels& kernels = tile_kernels();
  const int width = kernels.panel_columns(max_panel_columns);
  parallel_for(block_count(g.n, width), [&](std::int64_t task) {
    const int begin = static_cast<int>(task) * width, end = std::min(g.n, begin + width);
    for (int j = begin; j < end;) {
      const int panel_columns = kernels.panel_columns(g.n - j), columns = std::min(panel_columns, g.n - j);
      pack_panel(b, g, 0, g.k, j, columns, panel_columns, packed + std::int64_t{g.k} * j);
      j += columns;
    }
  });
}

void multiply(const float* a, const float* b, float* c, const MatmulGeometry& g, const float* packed_b) {
  if (g.k == 0) return std::fill_n(c, std::int64_t{g.m} * g.n, 0.0f), void();
  if (g.m <= few_rows && !g.transpose_b && !packed_b) return multiply_few_rows(a, b, c, g);
  const TileKernels& kernels = tile_kernels();
  const int columns = block_columns(g);
  const std::int64_t row_blocks = block_count(g.m, block_rows), column_blocks = block_count(g.n, columns);
  parallel_for(row_blocks * column_blocks, [&](std::int64_t task) {
    const int column_begin = static_cast<int>(task % column_blocks) * columns;
    multiply_block(kernels, a, b, packed_b, c, g, static_cast<int>(task / column_blocks) * block_rows, column_begin,
                   std::min(g.n, column_begin + columns));
  });
}

void matmul(View<const float> a, View<const float> b, View<float> c, MatmulGeometry g) {
  multiply(a.data, b.data, c.data, g);
}

}  // namespace mien::kernels::cpu
