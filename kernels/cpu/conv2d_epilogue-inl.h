// The 2x2 max-pool of a convolution's epilogue on vectors, for files that Highway compiles once per instruction set.
#if defined(MIEN_KERNELS_CPU_CONV2D_EPILOGUE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_CONV2D_EPILOGUE_INL_H
#undef MIEN_KERNELS_CPU_CONV2D_EPILOGUE_INL_H
#else
#define MIEN_KERNELS_CPU_CONV2D_EPILOGUE_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "mien/kernels/cpu/activation-inl.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/geometry.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Where no gradient passes: the activation's slope is zero where it gave y.
template <ActivationKind kind, class D, class V>
HWY_INLINE hn::Mask<D> killed_vector(D d, V y, Activation activation) {
  if constexpr (kind == ActivationKind::relu) return hn::Le(y, hn::Zero(d));
  return hn::Eq(slope_vector<kind>(d, y, activation), hn::Zero(d));
}

/// A byte for each float lane, chosen lane by lane. Where masks are bits, bytes are; else whole lanes, shortened at the
/// end.
template <class D>
class LaneBytes {
 public:
  HWY_INLINE LaneBytes(D, std::uint8_t value) : value_(hn::Set(Lanes(), value)) {}
  HWY_INLINE void set_where(hn::Mask<D> where, std::uint8_t value) {
#if HWY_TARGET == HWY_AVX3
    alignas(8) std::uint8_t bits[8] = {};
    hn::StoreMaskBits(D(), where, bits);
    value_ = hn::IfThenElse(hn::LoadMaskBits(Lanes(), bits), hn::Set(Lanes(), value), value_);
#else
    value_ = hn::IfThenElse(hn::RebindMask(Lanes(), where), hn::Set(Lanes(), value), value_);
#endif
  }
  HWY_INLINE hn::Vec<hn::Rebind<std::uint8_t, D>> bytes() const {
#if HWY_TARGET == HWY_AVX3
    return value_;
#else
    return hn::TruncateTo(hn::Rebind<std::uint8_t, D>(), value_);
#endif
  }

 private:
#if HWY_TARGET == HWY_AVX3
  using Lanes = hn::Rebind<std::uint8_t, D>;
#else
  using Lanes = hn::Rebind<std::uint32_t, D>;
#endif
  hn::Vec<Lanes> value_;
};

/// What the pool keeps of a block of four: y, and its place as a byte (argmax_killed where no gradient passes).
template <class D>
struct PooledVector {
  hn::Vec<D> maximum;
  hn::Vec<hn::Rebind<std::uint8_t, D>> argmax;
};

/// Whether the activation may follow the maximum: a gate keeps the order of what it lets through, and what it does not
/// is killed.
template <ActivationKind kind>
inline constexpr bool activates_last = Activation{kind}.is_gate();

/// Looks out for a NaN among many values: the machine's maximum may drop one, a sum of products keeps it. (It makes one
/// of infinities, too, which costs time alone.)
template <class D>
class NanProbe {
 public:
  using V = hn::Vec<D>;
  HWY_INLINE explicit NanProbe(D d) : seen_{hn::Zero(d), hn::Zero(d)} {}
  HWY_INLINE void add(const V (&value)[4]) {
    seen_[0] = hn::MulAdd(value[0], value[1], seen_[0]);
    seen_[1] = hn::MulAdd(value[2], value[3], seen_[1]);
  }
  HWY_INLINE bool found(D d) const { return !hn::AllFalse(d, hn::IsNaN(hn::Add(seen_[0], seen_[1]))); }

 private:
  V seen_[2];
};

/// What four values and their maximum make: the end of pool_vectors.
template <ActivationKind kind, bool wants_argmax, class D, class V>
HWY_INLINE PooledVector<D> finish_pool(D d, V maximum, LaneBytes<D> first, Activation activation) {
  if constexpr (activates_last<kind>) maximum = activate_vector<kind>(d, maximum, activation);
  if constexpr (!wants_argmax) return {maximum, hn::Undefined(hn::Rebind<std::uint8_t, D>())};
  if constexpr (kind != ActivationKind::linear)
    first.set_where(killed_vector<kind>(d, maximum, activation), argmax_killed);
  return {maximum, first.bytes()};
}

/// pool_vectors of activated values of which none is a NaN.
template <ActivationKind kind, bool wants_argmax, class D, class V>
HWY_INLINE PooledVector<D> pool_numbers(D d, const V (&value)[4], Activation activation) {
  const V maximum = hn::Max(hn::Max(value[0], value[1]), hn::Max(value[2], value[3]));
  LaneBytes<D> first(d, 3);
  if constexpr (wants_argmax) {
    MIEN_UNROLL
    for (int tap = 2; tap >= 0; --tap) first.set_where(hn::Eq(value[tap], maximum), static_cast<std::uint8_t>(tap));
  }
  return finish_pool<kind, wants_argmax>(d, maximum, first, activation);
}

/// pool_vectors of activated values where one is a NaN, or might be: one comparison after the other, the first NaN
/// counts as the maximum. (The vectors come by value: as an array they would have to be in memory, NaN or not.)
template <ActivationKind kind, bool wants_argmax, class D, class V>
HWY_NOINLINE PooledVector<D> pool_with_nan(D d, V value_0, V value_1, V value_2, V value_3, Activation activation) {
  const V value[4] = {value_0, value_1, value_2, value_3};
  V maximum = value[0];
  LaneBytes<D> first(d, 0);
  for (std::uint8_t tap = 1; tap < 4; ++tap) {
    const auto beats = hn::AndNot(hn::Le(value[tap], maximum), hn::Eq(maximum, maximum));
    maximum = hn::IfThenElse(beats, value[tap], maximum);
    first.set_where(beats, tap);
  }
  return finish_pool<kind, wants_argmax>(d, maximum, first, activation);
}

/// The activation and the pool of sums (with their bias) at the places 2 * row + column of a 2x2 block. The first
/// maximum counts, or the first NaN. Without `wants_argmax` those bytes are left undefined.
template <ActivationKind kind, bool wants_argmax = true, class D, class V>
HWY_INLINE PooledVector<D> pool_vectors(D d, const V (&z)[4], Activation activation) {
  V value[4];
  MIEN_UNROLL
  for (int tap = 0; tap < 4; ++tap)
    value[tap] = activates_last<kind> ? z[tap] : activate_vector<kind>(d, z[tap], activation);
  NanProbe<D> probe(d);
  probe.add(value);
  if (HWY_UNLIKELY(probe.found(d)))
    return pool_with_nan<kind, wants_argmax>(d, value[0], value[1], value[2], value[3], activation);
  return pool_numbers<kind, wants_argmax>(d, value, activation);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_CONV2D_EPILOGUE_INL_H
