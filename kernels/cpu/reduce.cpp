// Sums over some axes, and their adjoint, which repeats along them.
//
// Neighbouring axes that are both kept or both summed are merged first. What is left ends either in a kept axis (rows
// of columns are added: a bias gradient, a global average) or in a summed one (runs of neighbours are added: a total, a
// mean of each row).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/reduce.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/broadcast.h"
#include "mien/kernels/cpu/column_sums-inl.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/row_vectors-inl.h"
#include "mien/kernels/cpu/rows.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// total[c] = sum down column c of the block.
void sum_block(const float* x, const RowBlock& block, double* total) {
  sum_columns<1>(block, {total}, [x](auto d, std::int64_t place, std::int64_t, auto so_far) HWY_ATTR {
    so_far.value[0] = hn::Add(so_far.value[0], hn::LoadU(d, x + place));
    return so_far;
  });
}

/// y[row] = scale * sum of the row.
void sum_each_row(const float* x, float* y, const RowsGeometry& g, float scale) {
  const auto across = [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    Columns columns;
    columns.take(x + first * g.channels, count, g.channels);
    for_each_vector(0, count, [&](auto d, std::int64_t row) HWY_ATTR {
      auto sum = hn::LoadU(d, columns[0] + row);
      for (int c = 1; c < g.channels; ++c) sum = hn::Add(sum, hn::LoadU(d, columns[c] + row));
      hn::StoreU(hn::Mul(sum, hn::Set(d, scale)), d, y + first + row);
    });
  };
  const auto along = [&](std::int64_t row) HWY_ATTR {
    double sum[1];
    sum_row(g.channels, sum, [from = x + row * g.channels](auto d, std::int64_t c) HWY_ATTR {
      return Terms<hn::Vec<decltype(d)>, 1>{{hn::LoadU(d, from + c)}};
    });
    y[row] = static_cast<float>(scale * sum[0]);
  };
  for_each_row(g, across, along);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(sum_block);
HWY_EXPORT(sum_each_row);

namespace {

/// The same sum with neighbours that behave alike merged, so that kept and summed axes alternate.
ReduceGeometry merged(const ReduceGeometry& g) {
  ReduceGeometry result;
  result.axes = 0;
  result.scale = g.scale;
  for (int i = 0; i < g.axes; ++i) {
    if (g.extent[i] == 1) continue;
    if (result.axes > 0 && result.reduced[result.axes - 1] == g.reduced[i]) {
      result.extent[result.axes - 1] *= g.extent[i];
    } else {
      result.extent[result.axes] = g.extent[i];
      result.reduced[result.axes++] = g.reduced[i];
    }
  }
  if (result.axes == 0) result.axes = 1, result.extent[0] = 1, result.reduced[0] = false;
  return result;
}

/// The axes before the last.
ReduceGeometry leading(ReduceGeometry g) {
  --g.axes;
  return g;
}

/// y[k][c] = scale * sum over s of x[row(k, s)][c].
void sum_rows(const float* x, float* y, const ReduceGeometry& rows, std::int64_t columns, float scale) {
  struct Partial;
  const std::int64_t kept = rows.product(false), summed = rows.product(true);
  // Rows lie one after the other along the innermost summed axis: a block keeps to one stretch of it.
  const std::int64_t stretch = rows.axes > 0 ? rows.extent[rows.axes - 1] : 1;
  const std::int64_t block = rows_per_block(columns), blocks_per_stretch = block_count(stretch, block);
  const std::int64_t blocks = summed / stretch * blocks_per_stretch, tiles = block_count(columns, columns_per_tile);
  double* const partial = thread_doubles<Partial>(kept * blocks * columns);
  instruction_set();
  parallel_for(kept * blocks * tiles, [&](std::int64_t task) {
    const std::int64_t tile = task % tiles * columns_per_tile, part = task / tiles, k = part / blocks;
    const std::int64_t first = part % blocks % blocks_per_stretch * block;
    const std::int64_t row = rows.x_offset(k, part % blocks / blocks_per_stretch * stretch) + first;
    const RowBlock rows_of_task{.place = row * columns + tile,
                                .step = columns,
                                .rows = std::min(block, stretch - first),
                                .columns = std::min(columns - tile, columns_per_tile),
                                .side_by_side = rows_side_by_side(columns)};
    HWY_DYNAMIC_DISPATCH(sum_block)(x, rows_of_task, partial + part * columns + tile);
  });
  parallel_elements(kept * columns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t k = i / columns, c = i % columns;
      double total = 0;
      for (std::int64_t part = k * blocks; part < (k + 1) * blocks; ++part) total += partial[part * columns + c];
      y[i] = static_cast<float>(scale * total);
    }
  });
}

/// y[k] = scale * sum over s and i of x[run(k, s)][i]. Long runs are cut into pieces, short ones put together.
void sum_runs(const float* x, float* y, const ReduceGeometry& runs, std::int64_t length, float scale) {
  struct Partial;
  const std::int64_t kept = runs.product(false), summed = runs.product(true);
  if (summed == 1 && length <= elements_per_block) {
    instruction_set();
    HWY_DYNAMIC_DISPATCH(sum_each_row)(x, y, {kept, static_cast<int>(length)}, scale);
    return;
  }
  const std::int64_t piece = std::min(length, elements_per_block), pieces = block_count(length, piece);
  const std::int64_t block = std::max<std::int64_t>(1, elements_per_block / piece);
  const std::int64_t blocks = block_count(summed * pieces, block);
  double* const partial = thread_doubles<Partial>(kept * blocks);
  parallel_for(kept * blocks, [&](std::int64_t task) {
    const std::int64_t k = task / blocks, begin = task % blocks * block;
    double total = 0;
    for (std::int64_t i = begin; i < std::min(summed * pieces, begin + block); ++i) {
      const float* const run = x + runs.x_offset(k, i / pieces) * length;
      const std::int64_t first = i % pieces * piece;
      total += sum_terms(first, std::min(length, first + piece), [run](std::int64_t at) { return run[at]; });
    }
    partial[task] = total;
  });
  for (std::int64_t k = 0; k < kept; ++k) {
    double total = 0;
    for (std::int64_t i = k * blocks; i < (k + 1) * blocks; ++i) total += partial[i];
    y[k] = static_cast<float>(scale * total);
  }
}

}  // namespace

void reduce_sum(View<const float> x, View<float> y, ReduceGeometry g) {
  const ReduceGeometry m = merged(g);
  const std::int64_t inner = m.extent[m.axes - 1];
  if (m.reduced[m.axes - 1])
    sum_runs(x.data, y.data, leading(m), inner, m.scale);
  else
    sum_rows(x.data, y.data, leading(m), inner, m.scale);
}

void reduce_sum_adjoint(View<const float> y, View<float> x, ReduceGeometry g) {
  const ReduceGeometry m = merged(g);
  const std::int64_t columns = m.extent[m.axes - 1];
  if (columns < short_run && m.axes == 2 && m.reduced[1]) {  // a value for each short row
    parallel_blocks(m.extent[0], elements_per_block / columns, [&](std::int64_t begin, std::int64_t end) {
      stretch_values(y.data + begin, end - begin, columns, m.scale, x.data + begin * columns);
    });
    return;
  }
  if (columns < short_run && (m.axes == 2 || m.axes == 3) && m.reduced[m.axes - 2]) {  // short rows that are all alike
    const std::int64_t rows = m.extent[m.axes - 2], block = elements_per_block / columns;
    const std::int64_t blocks = block_count(rows, block);
    parallel_for((m.axes == 3 ? m.extent[0] : 1) * blocks, [&](std::int64_t task) {
      const std::int64_t kept = task / blocks, row = task % blocks * block;
      float* const to = x.data + (kept * rows + row) * columns;
      for (std::int64_t c = 0; c < columns; ++c) to[c] = m.scale * y.data[kept * columns + c];
      repeat_run(to, columns, std::min(block, rows - row) * columns);
    });
    return;
  }
  // x is the result of a broadcast of y: it stands still along the summed axes.
  BroadcastGeometry walk;
  walk.axes = m.axes;
  std::int64_t stride = 1;
  for (int i = m.axes - 1; i >= 0; --i) {
    walk.extent[i] = m.extent[i];
    walk.a_stride[i] = m.reduced[i] ? 0 : stride;
    if (!m.reduced[i]) stride *= m.extent[i];
  }
  parallel_elements(walk.size(), [&](std::int64_t begin, std::int64_t end) {
    for_each_run(walk, begin, end, [&](std::int64_t index, std::int64_t from, std::int64_t, std::int64_t count) {
      float* const to = x.data + index;
      if (m.reduced[m.axes - 1]) {
        std::fill_n(to, count, m.scale * y.data[from]);
      } else {
        for (std::int64_t i = 0; i < count; ++i) to[i] = m.scale * y.data[from + i];
      }
    });
  });
}

}  // namespace mien::kernels::cpu
#endif
