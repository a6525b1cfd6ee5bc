// Changes of values (pixel_values.h), compiled once per instruction set. Comparisons let a NaN through.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/pixel_values.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/pixel_values.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// low where x lies below it, high where above.
template <class D, class V>
HWY_INLINE V clip(D d, V x, float low, float high) {
  const V floor = hn::Set(d, low), ceiling = hn::Set(d, high);
  x = hn::IfThenElse(hn::Lt(x, floor), floor, x);
  return hn::IfThenElse(hn::Gt(x, ceiling), ceiling, x);
}

void find_range(const float* x, std::int64_t count, ValueRange* range) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  const hn::ScalableTag<float> whole;
  auto lowest = hn::Set(whole, low), highest = hn::Set(whole, high);
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(whole));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto value = hn::LoadU(whole, x + i);
    lowest = hn::IfThenElse(hn::Lt(value, lowest), value, lowest);
    highest = hn::IfThenElse(hn::Gt(value, highest), value, highest);
  }
  low = hn::GetLane(hn::MinOfLanes(whole, lowest)), high = hn::GetLane(hn::MaxOfLanes(whole, highest));
  for (; i < count; ++i) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
  }
  *range = {low, high};
}

void shift(float* x, std::int64_t count, float amount, const ValueRange& range) {
  for_each_vector(0, count, [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreU(clip(d, hn::Add(hn::LoadU(d, x + i), hn::Set(d, amount)), range.low, range.high), d, x + i);
  });
}

void scale(float* x, std::int64_t count, float factor) {
  for_each_vector(0, count, [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor)), d, x + i);
  });
}

void brighten_values(float* x, std::int64_t count, float factor) {
  for_each_vector(0, count, [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreU(clip(d, hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor)), 0, 255), d, x + i);
  });
}

void brighten_whole(float* x, std::int64_t count, float factor) {
  for_each_vector(0, count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto value = hn::Mul(hn::Trunc(hn::LoadU(d, x + i)), hn::Set(d, factor));
    hn::StoreU(hn::Trunc(clip(d, value, 0, 255)), d, x + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(find_range);
HWY_EXPORT(shift);
HWY_EXPORT(scale);
HWY_EXPORT(brighten_values);
HWY_EXPORT(brighten_whole);

// instruction_set() first: MIEN_ISA is heeded before Highway's first choice.

ValueRange value_range(const float* x, std::int64_t count) {
  instruction_set();
  ValueRange range;
  HWY_DYNAMIC_DISPATCH(find_range)(x, count, &range);
  return range;
}

void shift_values(float* x, std::int64_t count, float amount, ValueRange range) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(shift)(x, count, amount, range);
}

void scale_values(float* x, std::int64_t count, float factor) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(scale)(x, count, factor);
}

void brighten(float* x, std::int64_t count, float factor) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(brighten_values)(x, count, factor);
}

void brighten_bytes(float* x, std::int64_t count, float factor) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(brighten_whole)(x, count, factor);
}

}  // namespace mien::kernels::cpu
#endif
