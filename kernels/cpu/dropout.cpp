// Inverted dropout. The mask is never stored: forward and backward pass draw it again from (seed, stream, step).
//
// A vector holds as many Philox blocks as it has lanes, word k of all of them in vector k: philox.h, block by block,
// is the definition.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/dropout.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

void drop(const float* x, View<float> y, DropoutGeometry g, std::uint64_t stream) {
  const float scale = 1.0f / (1.0f - g.rate);
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin; first < end; first += 4) {
      const PhiloxBlock drawn = philox(g.seed, stream, static_cast<std::uint64_t>(first / 4));
      for (std::int64_t i = first; i < std::min(end, first + 4); ++i)
        y.data[i] = uniform_from_word(drawn.word[i - first]) < g.rate ? 0.0f : x[i] * scale;
    }
  });
}

#else

using Words = hn::ScalableTag<std::uint32_t>;
using WordVector = hn::Vec<Words>;

/// The upper half of the 64-bit products of a and b.
HWY_INLINE WordVector multiply_high(WordVector a, WordVector b) {
  const Words words;
  const hn::RepartitionToWide<Words> pairs;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(words, hn::ShiftRight<32>(hn::BitCast(pairs, a))), b);
  return hn::OddEven(hn::BitCast(words, odd), hn::BitCast(words, hn::ShiftRight<32>(even)));
}

/// keep[4 * i + k] = 0 where word k of block `first` + i gives a uniform under the rate, else `scale`; one block for
/// each lane. The lanes' block numbers must agree in their upper 32 bits.
HWY_INLINE void draw_factors(const DropoutGeometry& g, std::uint64_t stream, std::uint64_t first, float scale,
                             float* keep) {
  const Words words;
  const hn::ScalableTag<float> floats;
  const hn::RebindToSigned<Words> integers;
  auto x0 = hn::Iota(words, static_cast<std::uint32_t>(first));
  auto x1 = hn::Set(words, static_cast<std::uint32_t>(first >> 32));
  auto x2 = hn::Set(words, static_cast<std::uint32_t>(stream));
  auto x3 = hn::Set(words, static_cast<std::uint32_t>(stream >> 32));
  const auto m0 = hn::Set(words, 0xD2511F53u), m1 = hn::Set(words, 0xCD9E8D57u);
  std::uint32_t k0 = static_cast<std::uint32_t>(g.seed), k1 = static_cast<std::uint32_t>(g.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const auto y0 = hn::Xor(hn::Xor(multiply_high(x2, m1), x1), hn::Set(words, k0)), y1 = hn::Mul(x2, m1);
    const auto y2 = hn::Xor(hn::Xor(multiply_high(x0, m0), x3), hn::Set(words, k1)), y3 = hn::Mul(x0, m0);
    x0 = y0, x1 = y1, x2 = y2, x3 = y3;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  const auto factor = [&](WordVector word) HWY_ATTR {
    const auto upper = hn::ConvertTo(floats, hn::BitCast(integers, hn::ShiftRight<8>(word)));
    const auto uniform = hn::Mul(upper, hn::Set(floats, 5.9604644775390625e-8f));
    return hn::IfThenZeroElse(hn::Lt(uniform, hn::Set(floats, g.rate)), hn::Set(floats, scale));
  };
  hn::StoreInterleaved4(factor(x0), factor(x1), factor(x2), factor(x3), floats, keep);
}

void drop(const float* x, View<float> y, DropoutGeometry g, std::uint64_t stream) {
  const float scale = 1.0f / (1.0f - g.rate);
  const std::int64_t drawn = 4 * static_cast<std::int64_t>(hn::Lanes(Words()));
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) HWY_ATTR {
    for (std::int64_t first = begin; first < end; first += drawn) {
      float keep[4 * hn::MaxLanes(Words())];
      draw_factors(g, stream, static_cast<std::uint64_t>(first / 4), scale, keep);
      for_each_vector(0, std::min(drawn, end - first), [&](auto d, std::int64_t i) HWY_ATTR {
        const auto factor = hn::LoadU(d, keep + i), value = hn::LoadU(d, x + first + i);
        hn::StoreU(hn::IfThenZeroElse(hn::Eq(factor, hn::Zero(d)), hn::Mul(value, factor)), d, y.data + first + i);
      });
    }
  });
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(drop);

void dropout(View<const float> x, View<const std::int32_t> step, View<float> y, DropoutGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(drop)(x.data, y, g, g.stream + static_cast<std::uint64_t>(step[0]));
}

}  // namespace mien::kernels::cpu
#endif
