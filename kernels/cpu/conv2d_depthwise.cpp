// Depthwise sums (conv2d_depthwise.h), compiled once per instruction set. Four positions (or taps) at a time share each
// load of what they have in common, and hide the latency of each other's multiply-adds.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_depthwise.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/conv2d_depthwise.h"
#include "mien/kernels/cpu/instruction_set.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE void sums_of_vector(D d, const DepthwiseRow& row, const float* w, std::int64_t w_pitch, float* sums,
                               std::int64_t sums_pitch) {
  int position = 0;
  for (; position + 4 <= row.positions; position += 4) {
    const float* const window = row.window + position * row.step;
    auto sum_0 = hn::Zero(d), sum_1 = sum_0, sum_2 = sum_0, sum_3 = sum_0;
    for (int tap = 0; tap < row.tap_count; ++tap) {
      const auto weight = hn::LoadU(d, w + tap * w_pitch);
      const float* const x = window + row.taps[tap];
      sum_0 = hn::MulAdd(hn::LoadU(d, x), weight, sum_0);
      sum_1 = hn::MulAdd(hn::LoadU(d, x + row.step), weight, sum_1);
      sum_2 = hn::MulAdd(hn::LoadU(d, x + 2 * row.step), weight, sum_2);
      sum_3 = hn::MulAdd(hn::LoadU(d, x + 3 * row.step), weight, sum_3);
    }
    float* const to = sums + position * sums_pitch;
    hn::StoreU(sum_0, d, to);
    hn::StoreU(sum_1, d, to + sums_pitch);
    hn::StoreU(sum_2, d, to + 2 * sums_pitch);
    hn::StoreU(sum_3, d, to + 3 * sums_pitch);
  }
  for (; position < row.positions; ++position) {
    auto sum = hn::Zero(d);
    for (int tap = 0; tap < row.tap_count; ++tap)
      sum = hn::MulAdd(hn::LoadU(d, row.window + position * row.step + row.taps[tap]), hn::LoadU(d, w + tap * w_pitch),
                       sum);
    hn::StoreU(sum, d, sums + position * sums_pitch);
  }
}

template <class D>
HWY_INLINE void weights_of_vector(D d, const DepthwiseRow& row, const float* dz, std::int64_t dz_pitch, float* dw,
                                  std::int64_t dw_pitch) {
  int tap = 0;
  for (; tap + 4 <= row.tap_count; tap += 4) {
    auto sum_0 = hn::Zero(d), sum_1 = sum_0, sum_2 = sum_0, sum_3 = sum_0;
    for (int position = 0; position < row.positions; ++position) {
      const auto gradient = hn::LoadU(d, dz + position * dz_pitch);
      const float* const x = row.window + position * row.step;
      sum_0 = hn::MulAdd(hn::LoadU(d, x + row.taps[tap]), gradient, sum_0);
      sum_1 = hn::MulAdd(hn::LoadU(d, x + row.taps[tap + 1]), gradient, sum_1);
      sum_2 = hn::MulAdd(hn::LoadU(d, x + row.taps[tap + 2]), gradient, sum_2);
      sum_3 = hn::MulAdd(hn::LoadU(d, x + row.taps[tap + 3]), gradient, sum_3);
    }
    float* const to = dw + tap * dw_pitch;
    hn::StoreU(hn::Add(hn::LoadU(d, to), sum_0), d, to);
    hn::StoreU(hn::Add(hn::LoadU(d, to + dw_pitch), sum_1), d, to + dw_pitch);
    hn::StoreU(hn::Add(hn::LoadU(d, to + 2 * dw_pitch), sum_2), d, to + 2 * dw_pitch);
    hn::StoreU(hn::Add(hn::LoadU(d, to + 3 * dw_pitch), sum_3), d, to + 3 * dw_pitch);
  }
  for (; tap < row.tap_count; ++tap) {
    auto sum = hn::Zero(d);
    for (int position = 0; position < row.positions; ++position)
      sum = hn::MulAdd(hn::LoadU(d, row.window + position * row.step + row.taps[tap]),
                       hn::LoadU(d, dz + position * dz_pitch), sum);
    float* const to = dw + tap * dw_pitch;
    hn::StoreU(hn::Add(hn::LoadU(d, to), sum), d, to);
  }
}

using Wide = hn::ScalableTag<float>;
using Single = hn::CappedTag<float, 1>;

/// `row` from channel c on.
HWY_INLINE DepthwiseRow from_channel(DepthwiseRow row, int c) {
  row.window += c;
  return row;
}

void depthwise_sums(const DepthwiseRow& row, const float* w, std::int64_t w_pitch, float* sums,
                    std::int64_t sums_pitch) {
  const int lanes = static_cast<int>(hn::Lanes(Wide()));
  int c = 0;
  for (; c + lanes <= row.channels; c += lanes)
    sums_of_vector(Wide(), from_channel(row, c), w + c, w_pitch, sums + c, sums_pitch);
  for (; c < row.channels; ++c) sums_of_vector(Single(), from_channel(row, c), w + c, w_pitch, sums + c, sums_pitch);
}

void depthwise_weights(const DepthwiseRow& row, const float* dz, std::int64_t dz_pitch, float* dw,
                       std::int64_t dw_pitch) {
  const int lanes = static_cast<int>(hn::Lanes(Wide()));
  int c = 0;
  for (; c + lanes <= row.channels; c += lanes)
    weights_of_vector(Wide(), from_channel(row, c), dz + c, dz_pitch, dw + c, dw_pitch);
  for (; c < row.channels; ++c) weights_of_vector(Single(), from_channel(row, c), dz + c, dz_pitch, dw + c, dw_pitch);
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
