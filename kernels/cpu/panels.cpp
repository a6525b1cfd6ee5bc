// Panels out of matrices (panels.h), compiled once per instruction set. A transpose goes by blocks of 16 values of k
// and four columns: it reads whole cache lines, four at a time, so that columns a power of two apart do not evict each
// other, and turns 4x4 values in registers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/panels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/panels.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void panel_copy_columns(const float* from, std::int64_t step, std::int64_t depth, int columns, float* to,
                        std::int64_t to_step) {
  for (std::int64_t k = 0; k < depth; ++k, from += step, to += to_step)
    for_each_vector(0, columns,
                    [&](auto d, std::int64_t j) HWY_ATTR { hn::StoreU(hn::LoadU(d, from + j), d, to + j); });
}

void panel_copy(const float* from, std::int64_t step, std::int64_t depth, int columns, int panel_columns, float* to) {
  panel_copy_columns(from, step, depth, columns, to, panel_columns);
  for (std::int64_t k = 0; k < depth && columns < panel_columns; ++k, to += panel_columns)
    std::fill(to + columns, to + panel_columns, 0.0f);
}

/// to[k * to_step + j] = from[j * step + k] for four k and four j.
HWY_INLINE void turn_block(const float* from, std::int64_t step, float* to, std::int64_t to_step) {
#if HWY_TARGET == HWY_SCALAR
  for (int j = 0; j < 4; ++j)
    for (int k = 0; k < 4; ++k) to[k * to_step + j] = from[j * step + k];
#else
  const hn::CappedTag<float, 4> d;
  const auto row_0 = hn::LoadU(d, from), row_1 = hn::LoadU(d, from + step), row_2 = hn::LoadU(d, from + 2 * step),
             row_3 = hn::LoadU(d, from + 3 * step);
  const auto even_low = hn::InterleaveLower(d, row_0, row_2), odd_low = hn::InterleaveLower(d, row_1, row_3);
  const auto even_high = hn::InterleaveUpper(d, row_0, row_2), odd_high = hn::InterleaveUpper(d, row_1, row_3);
  hn::StoreU(hn::InterleaveLower(d, even_low, odd_low), d, to);
  hn::StoreU(hn::InterleaveUpper(d, even_low, odd_low), d, to + to_step);
  hn::StoreU(hn::InterleaveLower(d, even_high, odd_high), d, to + 2 * to_step);
  hn::StoreU(hn::InterleaveUpper(d, even_high, odd_high), d, to + 3 * to_step);
#endif
}

void panel_transpose(const float* from, std::int64_t step, std::int64_t depth, int columns, int panel_columns,
                     float* to) {
  constexpr std::int64_t line = 16;
  for (std::int64_t begin = 0; begin < depth; begin += line) {
    const std::int64_t end = std::min(depth, begin + line);
    int j = 0;
    for (; j + 4 <= columns; j += 4) {
      std::int64_t k = begin;
      for (; k + 4 <= end; k += 4) turn_block(from + j * step + k, step, to + k * panel_columns + j, panel_columns);
      for (; k < end; ++k)
        for (int column = j; column < j + 4; ++column) to[k * panel_columns + column] = from[column * step + k];
    }
    for (std::int64_t k = begin; k < end && j < panel_columns; ++k) {
      float* const row = to + k * panel_columns;
      for (int column = j; column < columns; ++column) row[column] = from[column * step + k];
      std::fill(row + columns, row + panel_columns, 0.0f);
    }
  }
}

const PanelKernels* panel_table() {
  static constexpr PanelKernels table = {panel_copy, panel_copy_columns, panel_transpose};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(panel_table);

const PanelKernels& panel_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(panel_table)();
}

}  // namespace mien::kernels::cpu
#endif
