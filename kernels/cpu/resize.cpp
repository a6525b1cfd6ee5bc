// The loops of resizing (resize.h), compiled once per instruction set. Whole numbers throughout: the bytes are the same
// in any order of summing.
//
// Along a row vectors run over the outputs. Neighbouring outputs look at places of the input that are a scale apart, so
// their pixels are gathered: four bytes, which are four taps of each output, at a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/resize.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/resize.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int32_t half = 1 << (resize_precision_bits - 1);

void along_row(const std::uint8_t* from, std::uint8_t* to, const ResizeWeights& weights) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::RebindToUnsigned<decltype(d)> d_bits;
  const hn::Rebind<std::uint8_t, decltype(d)> d_byte;
  const auto byte = hn::Set(d_bits, 255u);
  for (int i = 0; i < weights.outputs(); i += static_cast<int>(hn::Lanes(d))) {
    const auto first = hn::LoadU(d, weights.first() + i);
    auto sum = hn::Set(d, half);
    for (int tap = 0; tap < weights.taps(); tap += 4) {
      const auto four =
          hn::BitCast(d_bits, hn::GatherOffset(d, reinterpret_cast<const std::int32_t*>(from + tap), first));
      const auto add = [&](auto bits, int k) HWY_ATTR {
        sum = hn::Add(sum, hn::Mul(hn::BitCast(d, bits), hn::LoadU(d, weights.weights(tap + k) + i)));
      };
      add(hn::And(four, byte), 0);
      add(hn::And(hn::ShiftRight<8>(four), byte), 1);
      add(hn::And(hn::ShiftRight<16>(four), byte), 2);
      add(hn::ShiftRight<24>(four), 3);
    }
    hn::StoreU(hn::DemoteTo(d_byte, hn::ShiftRight<resize_precision_bits>(sum)), d_byte, to + i);
  }
}

void down_column(const std::uint8_t* from, std::int64_t pitch, std::uint8_t* to, std::int64_t size,
                 const ResizeWeights& weights, int output) {
  const std::uint8_t* const top = from + weights.first()[output] * pitch;
  const int taps = weights.count(output);
  for_each_vector(0, size, [&](auto whole, std::int64_t i) HWY_ATTR {
    const hn::RebindToSigned<decltype(whole)> d;
    const hn::Rebind<std::uint8_t, decltype(d)> d_byte;
    auto sum = hn::Set(d, half);
    for (int tap = 0; tap < taps; ++tap) {
      const auto value = hn::PromoteTo(d, hn::LoadU(d_byte, top + tap * pitch + i));
      sum = hn::Add(sum, hn::Mul(value, hn::Set(d, weights.weights(tap)[output])));
    }
    hn::StoreU(hn::DemoteTo(d_byte, hn::ShiftRight<resize_precision_bits>(sum)), d_byte, to + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(along_row);
HWY_EXPORT(down_column);

namespace {

constexpr int longest_vector = 64;  // elements

}  // namespace

ResizeWeights::ResizeWeights(int outputs, int most_taps)
    : outputs_(outputs), taps_((most_taps + 3) / 4 * 4), pitch_(resize_row_room(outputs)) {
  first_.assign(pitch_, 0);
  weights_.assign(static_cast<std::size_t>(taps_) * pitch_, 0);
}

void ResizeWeights::add(int first, const std::vector<std::int32_t>& weights) {
  const std::size_t output = counts_.size();
  first_[output] = first;
  for (std::size_t tap = 0; tap < weights.size(); ++tap) weights_[tap * pitch_ + output] = weights[tap];
  counts_.push_back(static_cast<std::int32_t>(weights.size()));
}

std::size_t resize_row_room(int outputs) {
  return static_cast<std::size_t>((outputs + longest_vector - 1) / longest_vector * longest_vector);
}

void resize_row(const std::uint8_t* from, std::uint8_t* to, const ResizeWeights& weights) {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  HWY_DYNAMIC_DISPATCH(along_row)(from, to, weights);
}

void resize_column(const std::uint8_t* from, std::int64_t pitch, std::uint8_t* to, std::int64_t size,
                   const ResizeWeights& weights, int output) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(down_column)(from, pitch, to, size, weights, output);
}

}  // namespace mien::kernels::cpu
#endif
