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

/// total[c] = sum of the terms of column c of a block, in the order of its rows. accumulate(d, place, c, sum) adds to
/// the vector `sum` the terms at `place` of the data, which belong to columns c… of the row.
template <class Accumulate>
void sum_columns(const RowBlock& block, double* total, const Accumulate& accumulate) {
  constexpr std::int64_t stretch = 64;
  const std::int64_t width = block.columns * block.side_by_side;
  const std::int64_t rows = block.rows / block.side_by_side, rest = block.rows % block.side_by_side * block.columns;
  double wide_total[columns_per_tile] = {};
  float sums[columns_per_tile];
  for (std::int64_t first = 0; first < rows; first += stretch) {
    const std::int64_t last = std::min(rows, first + stretch);
    for_each_vector(0, width, [&](auto d, std::int64_t c) HWY_ATTR {
      auto sum = hn::Zero(d);
      std::int64_t place = block.place + first * block.step * block.side_by_side + c;
      for (std::int64_t row = first; row < last; ++row, place += block.step * block.side_by_side)
        sum = accumulate(d, place, c, sum);
      hn::StoreU(sum, d, sums + c);
    });
    for (std::int64_t c = 0; c < width; ++c) wide_total[c] += sums[c];
  }
  const std::int64_t after = block.place + rows * block.step * block.side_by_side;
  for_each_vector(0, rest, [&](auto d, std::int64_t c) HWY_ATTR {
    hn::StoreU(accumulate(d, after + c, c, hn::Zero(d)), d, sums + c);
  });
  for (std::int64_t c = 0; c < rest; ++c) wide_total[c] += sums[c];
  for (std::int64_t c = 0; c < block.columns; ++c) {
    total[c] = 0;
    for (std::int64_t place = c; place < width; place += block.columns) total[c] += wide_total[place];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_COLUMN_SUMS_INL_H
