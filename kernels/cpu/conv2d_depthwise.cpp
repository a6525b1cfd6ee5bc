// Depthwise sums (conv2d_depthwise.h), compiled once per instruction set. Four positions (or nine taps, or three) at a
// time share each load of what they have in common, and hide the latency of each other's multiply-adds. Within them,
// vectors run over the channels, as memory does.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_depthwise.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/conv2d_depthwise.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The sums of `count` positions from `position` on, of the vector of channels at c.
template <int count, class D>
HWY_INLINE void sum_positions(D d, const DepthwiseRow& row, const float* w, int position, std::int64_t c, float* sums,
                              std::int64_t pitch) {
  const float* const x = row.x + position * row.step + c;
  hn::Vec<D> sum[count];
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) sum[i] = hn::Zero(d);
  for (int tap = 0; tap < row.tap_count; ++tap) {
    const auto weight = hn::LoadU(d, w + row.taps[tap].w + c);
    const float* const from = x + row.taps[tap].x;
    MIEN_UNROLL
    for (int i = 0; i < count; ++i) sum[i] = hn::MulAdd(hn::LoadU(d, from + i * row.step), weight, sum[i]);
  }
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) hn::StoreU(sum[i], d, sums + (position + i) * pitch + c);
}

/// The same where taps come in threes that lie as far from each other as positions do: neighbours share what they read.
template <int count, class D>
HWY_INLINE void sum_triples(D d, const DepthwiseRow& row, const float* w, int position, std::int64_t c, float* sums,
                            std::int64_t pitch) {
  const float* const x = row.x + position * row.step + c;
  hn::Vec<D> sum[count];
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) sum[i] = hn::Zero(d);
  for (int tap = 0; tap < row.tap_count; tap += 3) {
    const DepthwiseTap* const taps = row.taps + tap;
    const float* const from = x + taps[0].x;
    const auto first = hn::LoadU(d, w + taps[0].w + c), second = hn::LoadU(d, w + taps[1].w + c),
               third = hn::LoadU(d, w + taps[2].w + c);
    auto left = hn::LoadU(d, from), middle = hn::LoadU(d, from + row.step);
    MIEN_UNROLL
    for (int i = 0; i < count; ++i) {
      const auto right = hn::LoadU(d, from + (i + 2) * row.step);
      sum[i] = hn::MulAdd(right, third, hn::MulAdd(middle, second, hn::MulAdd(left, first, sum[i])));
      left = middle, middle = right;
    }
  }
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) hn::StoreU(sum[i], d, sums + (position + i) * pitch + c);
}

bool taps_in_triples(const DepthwiseRow& row) {
  if (row.tap_count % 3 != 0) return false;
  for (int tap = 0; tap < row.tap_count; ++tap)
    if (tap % 3 > 0 && row.taps[tap].x - row.taps[tap - 1].x != row.step) return false;
  return true;
}

void depthwise_sums(const DepthwiseRow& row, const float* w, float* sums, std::int64_t pitch) {
  int position = 0;
  if (taps_in_triples(row)) {
    for (; position + 8 <= row.positions; position += 8)
      for_each_vector(0, row.channels,
                      [&](auto d, std::int64_t c) HWY_ATTR { sum_triples<8>(d, row, w, position, c, sums, pitch); });
    for (; position + 3 <= row.positions; position += 3)
      for_each_vector(0, row.channels,
                      [&](auto d, std::int64_t c) HWY_ATTR { sum_triples<3>(d, row, w, position, c, sums, pitch); });
  }
  for (; position + 4 <= row.positions; position += 4)
    for_each_vector(0, row.channels,
                    [&](auto d, std::int64_t c) HWY_ATTR { sum_positions<4>(d, row, w, position, c, sums, pitch); });
  for (; position < row.positions; ++position)
    for_each_vector(0, row.channels,
                    [&](auto d, std::int64_t c) HWY_ATTR { sum_positions<1>(d, row, w, position, c, sums, pitch); });
}

/// Adds to the gradients of `count` taps from `tap` on.
template <int count, class D>
HWY_INLINE void add_taps(D d, const DepthwiseRow& row, const float* dz, std::int64_t pitch, int tap, std::int64_t c,
                         float* dw) {
  const DepthwiseTap* const taps = row.taps + tap;
  const float* x[count];
  hn::Vec<D> sum[count];
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) {
    x[i] = row.x + taps[i].x + c;
    sum[i] = hn::LoadU(d, dw + taps[i].w + c);
  }
  std::int64_t place = 0;
  for (int position = 0; position < row.positions; ++position, place += row.step) {
    const auto gradient = hn::LoadU(d, dz + position * pitch + c);
    MIEN_UNROLL
    for (int i = 0; i < count; ++i) sum[i] = hn::MulAdd(hn::LoadU(d, x[i] + place), gradient, sum[i]);
  }
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) hn::StoreU(sum[i], d, dw + taps[i].w + c);
}

void depthwise_weights(const DepthwiseRow& row, const float* dz, std::int64_t pitch, float* dw) {
  for_each_vector(0, row.channels, [&](auto d, std::int64_t c) HWY_ATTR {
    int tap = 0;
    for (; tap + 9 <= row.tap_count; tap += 9) add_taps<9>(d, row, dz, pitch, tap, c, dw);
    for (; tap + 3 <= row.tap_count; tap += 3) add_taps<3>(d, row, dz, pitch, tap, c, dw);
    for (; tap < row.tap_count; ++tap) add_taps<1>(d, row, dz, pitch, tap, c, dw);
  });
}

const DepthwiseKernels* depthwise_table() {
  static constexpr DepthwiseKernels table = {depthwise_sums, depthwise_weights};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(depthwise_table);

const DepthwiseKernels& depthwise_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(depthwise_table)();
}

}  // namespace mien::kernels::cpu
#endif
