// Inverted dropout. The mask is never stored: forward and backward pass draw it again from (seed, stream, step).
//
// philox.h, block by block, is the definition. Here a lane of 64 bits holds one word of one block, in its lower half:
// that is where the multiplication to 64 bits looks, so that the halves need no putting together between the rounds,
// and what gathers in the upper halves is never read.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/dropout.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <cmath>

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
using Pairs = hn::ScalableTag<std::uint64_t>;

/// The words of as many blocks as there are pairs in a vector, in order.
struct DrawnWords {
  hn::Vec<Words> lower, upper;
};

/// Which block each lane holds, counted from the first: such that interleaving two vectors puts the blocks in order.
HWY_INLINE hn::Vec<Pairs> block_order() {
  alignas(64) std::uint64_t order[hn::MaxLanes(Pairs())];
  const std::size_t lanes = hn::Lanes(Pairs());
  for (std::size_t i = 0; i < lanes; ++i) order[i] = i / 2 + (i % 2) * lanes / 2;
  return hn::Load(Pairs(), order);
}

/// The keys of the ten rounds.
struct RoundKeys {
  explicit RoundKeys(std::uint64_t seed) {
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (auto& key : keys) {
      key[0] = k0, key[1] = k1;
      k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
  }
  std::uint64_t keys[10][2];
};

/// The words of block `first` and those after it, whose numbers must agree in their upper 32 bits.
HWY_INLINE DrawnWords draw(const RoundKeys& rounds, std::uint64_t stream, std::uint64_t first, hn::Vec<Pairs> order) {
  const Words words;
  const Pairs pairs;
  const auto m0 = hn::Set(words, 0xD2511F53u), m1 = hn::Set(words, 0xCD9E8D57u);
  auto x0 = hn::Add(hn::Set(pairs, first), order), x1 = hn::Set(pairs, first >> 32);
  auto x2 = hn::Set(pairs, stream), x3 = hn::Set(pairs, stream >> 32);
  for (const auto& key : rounds.keys) {
    const auto p0 = hn::MulEven(hn::BitCast(words, x0), m0), p1 = hn::MulEven(hn::BitCast(words, x2), m1);
    x0 = hn::Xor3(hn::ShiftRight<32>(p1), x1, hn::Set(pairs, key[0]));
    x2 = hn::Xor3(hn::ShiftRight<32>(p0), x3, hn::Set(pairs, key[1]));
    x1 = p1, x3 = p0;
  }
  const auto joined = [&](hn::Vec<Pairs> low, hn::Vec<Pairs> high) HWY_ATTR {
    const auto upper = hn::BitCast(words, hn::ShiftLeft<32>(high));
    return hn::BitCast(pairs, hn::OddEven(upper, hn::BitCast(words, low)));
  };
  const auto front = joined(x0, x1), back = joined(x2, x3);
  return {hn::BitCast(words, hn::InterleaveLower(pairs, front, back)),
          hn::BitCast(words, hn::InterleaveUpper(pairs, front, back))};
}

/// x * scale, but 0 where the word is below `threshold`.
template <class D>
HWY_INLINE void drop_vector(D d, hn::Vec<hn::RebindToUnsigned<D> > word, std::uint32_t threshold, float scale,
                            const float* x, float* y) {
  const hn::RebindToUnsigned<D> words;
  const auto is_dropped = hn::RebindMask(d, hn::Lt(word, hn::Set(words, threshold)));
  hn::StoreU(hn::IfThenZeroElse(is_dropped, hn::Mul(hn::LoadU(d, x), hn::Set(d, scale))), d, y);
}

void drop(const float* x, View<float> y, DropoutGeometry g, std::uint64_t stream) {
  const float scale = 1.0f / (1.0f - g.rate);
  // The uniform, upper 24 bits * 2^-24, lies under the rate where the word lies under this: a whole number of 2^8.
  const auto threshold = static_cast<std::uint32_t>(std::ceil(static_cast<double>(g.rate) * 0x1p24)) << 8;
  const RoundKeys keys(g.seed);
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto order = block_order();
    std::int64_t i = begin;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      const DrawnWords word = draw(keys, stream, static_cast<std::uint64_t>(i / 4), order);
      drop_vector(d, word.lower, threshold, scale, x + i, y.data + i);
      drop_vector(d, word.upper, threshold, scale, x + i + lanes, y.data + i + lanes);
    }
    if (i == end) return;
    std::uint32_t rest[2 * hn::MaxLanes(Words())];
    const DrawnWords word = draw(keys, stream, static_cast<std::uint64_t>(i / 4), order);
    hn::StoreU(word.lower, Words(), rest);
    hn::StoreU(word.upper, Words(), rest + lanes);
    for_each_vector(i, end, [&](auto narrow, std::int64_t place) HWY_ATTR {
      const hn::RebindToUnsigned<decltype(narrow)> words;
      drop_vector(narrow, hn::LoadU(words, rest + place - i), threshold, scale, x + place, y.data + place);
    });
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
