// Colours (colour.h), compiled once per instruction set. What is left of a whole vector is done pixel by pixel.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/colour.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/colour.h"
#include "mien/kernels/cpu/instruction_set.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void split(const std::uint8_t* colours, std::int64_t count, std::uint8_t* const* planes) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto red = hn::Zero(d), green = hn::Zero(d), blue = hn::Zero(d);
    hn::LoadInterleaved3(d, colours + 3 * i, red, green, blue);
    hn::StoreU(red, d, planes[0] + i);
    hn::StoreU(green, d, planes[1] + i);
    hn::StoreU(blue, d, planes[2] + i);
  }
  for (; i < count; ++i)
    for (int c = 0; c < 3; ++c) planes[c][i] = colours[3 * i + c];
}

void join(const std::uint8_t* const* planes, std::int64_t count, std::uint8_t* colours) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreInterleaved3(hn::LoadU(d, planes[0] + i), hn::LoadU(d, planes[1] + i), hn::LoadU(d, planes[2] + i), d,
                          colours + 3 * i);
  for (; i < count; ++i)
    for (int c = 0; c < 3; ++c) colours[3 * i + c] = planes[c][i];
}

void grey(const std::uint8_t* colours, std::int64_t count, std::uint8_t* result) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d_byte;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto red = hn::Zero(d_byte), green = hn::Zero(d_byte), blue = hn::Zero(d_byte);
    hn::LoadInterleaved3(d_byte, colours + 3 * i, red, green, blue);
    auto sum = hn::Add(hn::Set(d, 32768), hn::Mul(hn::PromoteTo(d, red), hn::Set(d, 19595)));
    sum = hn::Add(sum, hn::Mul(hn::PromoteTo(d, green), hn::Set(d, 38470)));
    sum = hn::Add(sum, hn::Mul(hn::PromoteTo(d, blue), hn::Set(d, 7471)));
    hn::StoreU(hn::DemoteTo(d_byte, hn::ShiftRight<16>(sum)), d_byte, result + i);
  }
  for (; i < count; ++i)
    result[i] = static_cast<std::uint8_t>(
        (19595 * colours[3 * i] + 38470 * colours[3 * i + 1] + 7471 * colours[3 * i + 2] + 32768) >> 16);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(split);
HWY_EXPORT(join);
HWY_EXPORT(grey);

// instruction_set() first: MIEN_ISA is heeded before Highway's first choice.

void split_colours(const std::uint8_t* colours, std::int64_t count, std::uint8_t* const planes[3]) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(split)(colours, count, planes);
}

void join_colours(const std::uint8_t* const planes[3], std::int64_t count, std::uint8_t* colours) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(join)(planes, count, colours);
}

void grey_of_colours(const std::uint8_t* colours, std::int64_t count, std::uint8_t* result) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(grey)(colours, count, result);
}

}  // namespace mien::kernels::cpu
#endif
