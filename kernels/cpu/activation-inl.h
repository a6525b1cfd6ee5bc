// The activations and their slopes on vectors, for files that Highway compiles once per instruction set: what an
// activation op applies to memory and the epilogue of a convolution or dense layer to sums in registers. One definition
// for both, so that fused and unfused give the same bits.
#if defined(MIEN_KERNELS_CPU_ACTIVATION_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MIEN_KERNELS_CPU_ACTIVATION_INL_H
#undef MIEN_KERNELS_CPU_ACTIVATION_INL_H
#else
#define MIEN_KERNELS_CPU_ACTIVATION_INL_H
#endif

#include "mien/kernels/cpu/elementary-inl.h"
#include "mien/kernels/scalar.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// activate() of kernels/scalar.h on a vector: the same comparisons, so that a NaN stays one, and so the same bits but
/// for sigmoid and tanh, which stand within 3 units in the last place of the true value here and there.
template <ActivationKind kind, class D, class V>
HWY_INLINE V activate_vector(D d, V x, Activation activation) {
  if constexpr (kind == ActivationKind::relu) {
    return hn::IfThenElse(hn::Le(x, hn::Zero(d)), hn::Zero(d), x);
  } else if constexpr (kind == ActivationKind::relu6) {
    const V six = hn::Set(d, 6.0f);
    return hn::IfThenElse(hn::Le(x, hn::Zero(d)), hn::Zero(d), hn::IfThenElse(hn::Ge(x, six), six, x));
  } else if constexpr (kind == ActivationKind::leaky_relu) {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(hn::Set(d, activation.slope), x), x);
  } else if constexpr (kind == ActivationKind::sigmoid) {
    return sigmoid_vector(d, x);
  } else if constexpr (kind == ActivationKind::tanh) {
    return tanh_vector(d, x);
  } else {
    return x;
  }
}

/// activation_slope() of kernels/scalar.h on a vector.
template <ActivationKind kind, class D, class V>
HWY_INLINE V slope_vector(D d, V y, Activation activation) {
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  if constexpr (kind == ActivationKind::relu) {
    return hn::IfThenElse(hn::Le(y, zero), zero, one);
  } else if constexpr (kind == ActivationKind::relu6) {
    return hn::IfThenElse(hn::Or(hn::Le(y, zero), hn::Ge(y, hn::Set(d, 6.0f))), zero, one);
  } else if constexpr (kind == ActivationKind::leaky_relu) {
    return hn::IfThenElse(hn::Le(y, zero), hn::Set(d, activation.slope), one);
  } else if constexpr (kind == ActivationKind::sigmoid) {
    return hn::Mul(y, hn::Sub(one, y));
  } else if constexpr (kind == ActivationKind::tanh) {
    return hn::Sub(one, hn::Mul(y, y));
  } else {
    return one;
  }
}

/// Calls body<kind>() for the activation's kind.
template <class Body>
HWY_INLINE void with_kind(ActivationKind kind, const Body& body) {
  switch (kind) {
    case ActivationKind::relu:
      return body.template operator()<ActivationKind::relu>();
    case ActivationKind::relu6:
      return body.template operator()<ActivationKind::relu6>();
    case ActivationKind::leaky_relu:
      return body.template operator()<ActivationKind::leaky_relu>();
    case ActivationKind::sigmoid:
      return body.template operator()<ActivationKind::sigmoid>();
    case ActivationKind::tanh:
      return body.template operator()<ActivationKind::tanh>();
    default:
      return body.template operator()<ActivationKind::linear>();
  }
}

/// The same where only gates are known (Activation::is_gate).
template <class Body>
HWY_INLINE void with_gate(ActivationKind kind, const Body& body) {
  switch (kind) {
    case ActivationKind::relu:
      return body.template operator()<ActivationKind::relu>();
    case ActivationKind::relu6:
      return body.template operator()<ActivationKind::relu6>();
    default:
      return body.template operator()<ActivationKind::linear>();
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // MIEN_KERNELS_CPU_ACTIVATION_INL_H
