// Planes of columns two apart (conv2d_planes.h), compiled once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_planes.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/conv2d_planes.h"
#include "mien/kernels/cpu/instruction_set.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::ScalableTag<float>;

/// Fills elements begin … end-1 of a channel's first two planes, all of whose columns are inside.
void fill_inside(const PlanesRow& row, const float* x, std::int64_t begin, std::int64_t end, float* even, float* odd) {
  std::int64_t k = begin;
#if HWY_TARGET != HWY_SCALAR
  const Whole d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (row.channels == 1)
    for (; k + lanes <= end; k += lanes) {
      hn::Vec<Whole> evens, odds;
      hn::LoadInterleaved2(d, x + row.left + 2 * k, evens, odds);
      hn::StoreU(evens, d, even + k);
      hn::StoreU(odds, d, odd + k);
    }
#endif
  for (; k < end; ++k) {
    const float* const pixel = x + (row.left + 2 * k) * row.channels;
    even[k] = pixel[0];
    odd[k] = pixel[row.channels];
  }
}

void fill_planes(const PlanesRow& row) {
  if (!row.x) return std::fill_n(row.planes, 4 * row.channels * row.pitch, 0.0f), void();
  // Pairs of columns begin … end-1 are inside; one more pair may be half inside, on either side.
  const std::int64_t begin = std::clamp<std::int64_t>((1 - row.left) / 2, 0, row.pitch);
  const std::int64_t end = std::clamp<std::int64_t>((row.width - row.left) / 2, begin, row.pitch);
  for (int channel = 0; channel < row.channels; ++channel) {
    float* const even = row.planes + 4 * channel * row.pitch;
    float* const odd = even + row.pitch;
    const float* const x = row.x + channel;
    const auto fill_outside = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t k = from; k < to; ++k) {
        const std::int64_t column = row.left + 2 * k;
        even[k] = column >= 0 && column < row.width ? x[column * row.channels] : 0.0f;
        odd[k] = column + 1 >= 0 && column + 1 < row.width ? x[(column + 1) * row.channels] : 0.0f;
      }
    };
    fill_outside(0, begin);
    fill_inside(row, x, begin, end, even, odd);
    const std::int64_t last = std::clamp<std::int64_t>((row.width - row.left + 1) / 2, end, row.pitch);
    fill_outside(end, last);
    std::fill(even + last, even + row.pitch, 0.0f);
    std::fill(odd + last, odd + row.pitch, 0.0f);
    for (float* const plane : {even, odd}) *std::copy(plane + 1, plane + row.pitch, plane + 2 * row.pitch) = 0.0f;
  }
}

const PlanesKernels* planes_table() {
  static const PlanesKernels table = {.lanes = static_cast<int>(hn::Lanes(Whole())), .fill = fill_planes};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(planes_table);

const PlanesKernels& planes_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(planes_table)();
}

}  // namespace mien::kernels::cpu
#endif
