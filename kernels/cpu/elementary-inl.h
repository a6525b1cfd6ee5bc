// exp, log, sigmoid and tanh of vectors of floats, for files that Highway compiles once per instruction set.
//
// Each is one sequence of operations for every lane, so an element's bits do not depend on its place among others.
// Errors over all floats, in units in the last place (tests/test_elementary.cpp holds them): exp 1.0, log 0.8,
// sigmoid 2.3, tanh 2.4. A NaN comes back as NaN: the clamps are comparisons that it fails.
//
// exp(x) = 2^n exp(r) with n = round(x / ln 2), so |r| <= ln 2 / 2, where a polynomial does (coefficients: S. L.
// Moshier, Cephes, expf.c and logf.c). ln 2 is taken off in two parts, the first short enough that n times it is exact.
#if defined(MIEN_KERNELS_CPU_ELEMENTARY_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_ELEMENTARY_INL_H
#undef MIEN_KERNELS_CPU_ELEMENTARY_INL_H
#else
#define MIEN_KERNELS_CPU_ELEMENTARY_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// x = n ln 2 + rest, and exp(rest) - 1.
template <class D>
struct ExponentialParts {
  hn::Vec<hn::RebindToSigned<D>> n;
  hn::Vec<D> rest_minus_one;
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE ExponentialParts<D> exponential_parts(D d, V x) {
  const hn::RebindToSigned<D> integers;
  // In floats this large the last place stands for 1: adding rounds to whole numbers, whose bits can then be read.
  const V whole = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), whole);
  const V n = hn::Sub(shifted, whole);
  const V rest = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x));
  V p = hn::MulAdd(hn::Set(d, 1.9875691500e-4f), rest, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, rest, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, rest, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, rest, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, 5.0000001201e-1f));
  return {hn::Sub(hn::BitCast(integers, shifted), hn::BitCast(integers, whole)),
          hn::MulAdd(p, hn::Mul(rest, rest), rest)};
}

/// 2^n for n in -126 … 127.
template <class D, class N>
HWY_INLINE hn::Vec<D> power_of_two(D d, N n) {
  const hn::RebindToSigned<D> integers;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(integers, 127))));
}

/// e^x: infinite from 88.73 on, down to the smallest subnormal, then 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_vector(D d, V x) {
  const V low = hn::Set(d, -104.0f), high = hn::Set(d, 89.0f);
  x = hn::IfThenElse(hn::Lt(x, low), low, hn::IfThenElse(hn::Gt(x, high), high, x));
  const auto parts = exponential_parts(d, x);
  // In two factors, since 2^n itself may be out of range: only the last product rounds, or overflows.
  const auto half = hn::ShiftRight<1>(parts.n);
  const V scaled = hn::Mul(hn::Add(parts.rest_minus_one, hn::Set(d, 1.0f)), power_of_two(d, half));
  return hn::Mul(scaled, power_of_two(d, hn::Sub(parts.n, half)));
}

/// 1 / (1 + e^-x), as t / (1 + t) on the negative side, t = e^-|x|, so that nothing overflows.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid_vector(D d, V x) {
  const V one = hn::Set(d, 1.0f), t = exp_vector(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), t, one), hn::Add(one, t));
}

/// t / (t + 2), t = e^(2|x|) - 1, with x's sign; t has no cancellation near 0, and from |x| = 10 on the quotient is 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_vector(D d, V x) {
  const V ten = hn::Set(d, 10.0f), one = hn::Set(d, 1.0f);
  V magnitude = hn::Abs(x);
  magnitude = hn::IfThenElse(hn::Gt(magnitude, ten), ten, magnitude);
  const auto parts = exponential_parts(d, hn::Add(magnitude, magnitude));
  const V power = power_of_two(d, parts.n);
  const V t = hn::MulAdd(parts.rest_minus_one, power, hn::Sub(power, one));
  return hn::CopySign(hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

/// The natural logarithm of normal, positive numbers; NaN of a NaN. Others give no meaningful value.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_vector(D d, V x) {
  const hn::RebindToSigned<D> integers;
  // x = m 2^n with m in sqrt(1/2) … sqrt(2): the exponent of x / sqrt(1/2).
  const auto bits = hn::BitCast(integers, x), root = hn::Set(integers, 0x3f3504f3);
  const auto n = hn::ShiftRight<23>(hn::Sub(bits, root));
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(n)));
  const V exponent = hn::ConvertTo(d, n), rest = hn::Sub(m, hn::Set(d, 1.0f)), square = hn::Mul(rest, rest);
  V p = hn::MulAdd(hn::Set(d, 7.0376836292e-2f), rest, hn::Set(d, -1.1514610310e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, 1.1676998740e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, -1.2420140846e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, 1.4249322787e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, -1.6668057665e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, 2.0000714765e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, -2.4999993993e-1f));
  p = hn::MulAdd(p, rest, hn::Set(d, 3.3333331174e-1f));
  V y = hn::Mul(hn::Mul(p, rest), square);
  y = hn::MulAdd(exponent, hn::Set(d, -2.12194440e-4f), y);
  y = hn::Add(rest, hn::NegMulAdd(square, hn::Set(d, 0.5f), y));
  y = hn::MulAdd(exponent, hn::Set(d, 0.693359375f), y);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_ELEMENTARY_INL_H
