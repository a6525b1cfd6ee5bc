// Sums down the columns of a block of rows, in vectors, for files that Highway compiles once per instruction set.
#if defined(MIEN_KERNELS_CPU_COLUMN_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_COLUMN_SUMS_INL_H
#undef MIEN_KERNELS_CPU_COLUMN_SUMS_INL_H
#else
#define MIEN_KERNELS_CPU_COLUMN_SUMS_INL_H
#endif

#include "mien/kernels/cpu/sums.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// One vector of each of the `count` sums that are taken at once.
template <class V, int count>
struct ColumnTerms {
  V value[count];
};

/// totals[k][c] = sum k of column c of a block, k in 0 … sums-1, each in the order of its rows.
/// accumulate(d, place, c, so_far) gives so_far plus the terms at `place` of the data, which belong to columns c… of
/// the row. The rows are read in the order in which they lie in memory, four at a time, so that the sums of a row,
/// which stay in the first cache, are fetched once for four.
template <int sums, class Accumulate>
void sum_columns(const RowBlock& block, double* const (&totals)[sums], const Accumulate& accumulate) {
  constexpr std::int64_t stretch = 64;
  const std::int64_t width = block.columns * block.side_by_side, step = block.step * block.side_by_side;
  const std::int64_t rows = block.rows / block.side_by_side, rest = block.rows % block.side_by_side * block.columns;
  double wide[sums][columns_per_tile];
  alignas(64) float partial[sums][columns_per_tile];
  for (int k = 0; k < sums; ++k) std::fill_n(wide[k], width, 0.0);
  // Adds `count` rows from `place` on, of `length` values, to the partial sums, or starts those.
  const auto add_rows = [&](auto count, std::int64_t place, std::int64_t length, bool starts) HWY_ATTR {
    for_each_vector(0, length, [&](auto d, std::int64_t c) HWY_ATTR {
      ColumnTerms<hn::Vec<decltype(d)>, sums> so_far;
      for (int k = 0; k < sums; ++k) so_far.value[k] = starts ? hn::Zero(d) : hn::LoadU(d, partial[k] + c);
      for (int row = 0; row < count.value; ++row) so_far = accumulate(d, place + row * step + c, c, so_far);
      for (int k = 0; k < sums; ++k) hn::StoreU(so_far.value[k], d, partial[k] + c);
    });
  };
  const auto take_over = [&](std::int64_t length) {
    for (int k = 0; k < sums; ++k)
      for (std::int64_t c = 0; c < length; ++c) wide[k][c] += partial[k][c];
  };
  for (std::int64_t first = 0; first < rows; first += stretch) {
    const std::int64_t last = std::min(rows, first + stretch);
    std::int64_t row = first;
    for (; row + 4 <= last; row += 4)
      add_rows(std::integral_constant<int, 4>(), block.place + row * step, width, row == first);
    for (; row < last; ++row) add_rows(std::integral_constant<int, 1>(), block.place + row * step, width, row == first);
    take_over(width);
  }
  if (rest > 0) {
    add_rows(std::integral_constant<int, 1>(), block.place + rows * step, rest, true);
    take_over(rest);
  }
  for (int k = 0; k < sums; ++k)
    for (std::int64_t c = 0; c < block.columns; ++c) {
      totals[k][c] = 0;
      for (std::int64_t place = c; place < width; place += block.columns) totals[k][c] += wide[k][place];
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_COLUMN_SUMS_INL_H
