// The maximum and sums of a row of many values, in vectors, for files that Highway compiles once per instruction set.
#if defined(MIEN_KERNELS_CPU_ROW_VECTORS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_ROW_VECTORS_INL_H
#undef MIEN_KERNELS_CPU_ROW_VECTORS_INL_H
#else
#define MIEN_KERNELS_CPU_ROW_VECTORS_INL_H
#endif

#include <algorithm>

#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// The largest of `count` values, at least a vector of them. Where one is a NaN: that, or any of the others.
HWY_INLINE float row_maximum(const float* x, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto even = hn::LoadU(d, x), odd = hn::LoadU(d, x + count - lanes);  // the last vector may overlap others
  std::int64_t i = lanes;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    even = hn::Max(even, hn::LoadU(d, x + i));
    odd = hn::Max(odd, hn::LoadU(d, x + i + lanes));
  }
  for (; i + lanes <= count; i += lanes) even = hn::Max(even, hn::LoadU(d, x + i));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(even, odd)));
}

/// Sums over 0 … count-1 of as many terms as terms(d, i) gives vectors of (a struct of `sums` of them): float sums side
/// by side over stretches that are few enough for float, the stretches in double.
template <int sums, class Terms>
HWY_INLINE void sum_row(std::int64_t count, double (&total)[sums], const Terms& terms) {
  constexpr std::int64_t stretch = 8192;
  const hn::ScalableTag<float> whole;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(whole));
  for (double& value : total) value = 0;
  for (std::int64_t first = 0; first < count; first += stretch) {
    const std::int64_t last = std::min(count, first + stretch);
    hn::Vec<hn::ScalableTag<float>> sum[sums];
    for (auto& value : sum) value = hn::Zero(whole);
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes) {
      const auto term = terms(whole, i);
      for (int k = 0; k < sums; ++k) sum[k] = hn::Add(sum[k], term.value[k]);
    }
    for (int k = 0; k < sums; ++k) total[k] += hn::GetLane(hn::SumOfLanes(whole, sum[k]));
    for_each_vector(i, last, [&](auto d, std::int64_t at) HWY_ATTR {
      const auto term = terms(d, at);
      for (int k = 0; k < sums; ++k) total[k] += hn::GetLane(hn::SumOfLanes(d, term.value[k]));
    });
  }
}

/// The terms of `count` sums at one place.
template <class V, int count>
struct Terms {
  V value[count];
};

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_ROW_VECTORS_INL_H
