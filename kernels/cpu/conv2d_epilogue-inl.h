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

/// What the pool keeps of a block of four: y, and its place as a byte (argmax_killed where no gradient passes).
template <class D>
struct PooledVector {
  hn::Vec<D> maximum;
  hn::Vec<hn::Rebind<std::uint8_t, D>> argmax;
};

/// The activation and the pool of sums (with their bias) at the places 2 * row + column of a 2x2 block.
template <ActivationKind kind, class D, class V>
HWY_INLINE PooledVector<D> pool_vectors(D d, const V (&z)[4], Activation activation) {
  // A relu keeps the order of what it lets through, and what it does not is killed: it may follow the maximum.
  constexpr bool activate_last =
      kind == ActivationKind::linear || kind == ActivationKind::relu || kind == ActivationKind::relu6;
  V maximum = activate_last ? z[0] : activate_vector<kind>(d, z[0], activation);
  const hn::Rebind<std::uint32_t, D> d_int;
  hn::Vec<decltype(d_int)> first = hn::Zero(d_int);
  const auto set_where = [&](hn::Mask<D> where, std::uint32_t place) HWY_ATTR {
    first = hn::IfThenElse(hn::RebindMask(d_int, where), hn::Set(d_int, place), first);
  };
  MIEN_UNROLL
  for (int tap = 1; tap < 4; ++tap) {
    const V next = activate_last ? z[tap] : activate_vector<kind>(d, z[tap], activation);
    // The first maximum stays; the first NaN counts as the maximum.
    const auto beats = hn::AndNot(hn::Le(next, maximum), hn::Eq(maximum, maximum));
    maximum = hn::IfThenElse(beats, next, maximum);
    set_where(beats, static_cast<std::uint32_t>(tap));
  }
  if constexpr (activate_last) maximum = activate_vector<kind>(d, maximum, activation);
  if constexpr (kind != ActivationKind::linear) set_where(killed_vector<kind>(d, maximum, activation), argmax_killed);
  return {maximum, hn::TruncateTo(hn::Rebind<std::uint8_t, D>(), first)};
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_CONV2D_EPILOGUE_INL_H
