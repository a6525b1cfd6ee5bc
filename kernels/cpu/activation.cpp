// Activations and the affine maps: one value in, one value out. The relu family is written in vectors; the others go
// through `activate` of scalar.h, which the convolution's epilogue uses too, so that fused and unfused agree.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/activation.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// y[i…] = map(d, i) for every vector.
template <class Map>
void write_vectors(View<float> y, const Map& map) {
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) HWY_ATTR {
    for_each_vector(begin, end, [&](auto d, std::int64_t i) HWY_ATTR { hn::StoreU(map(d, i), d, y.data + i); });
  });
}

// Comparisons with a NaN are false, and every branch taken then is x itself.

void relu_forward(const float* x, View<float> y) {
  write_vectors(y, [x](auto d, std::int64_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, x + i);
    return hn::IfThenZeroElse(hn::Le(value, hn::Zero(d)), value);
  });
}

void relu6_forward(const float* x, View<float> y) {
  write_vectors(y, [x](auto d, std::int64_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, x + i), six = hn::Set(d, 6.0f);
    return hn::IfThenZeroElse(hn::Le(value, hn::Zero(d)), hn::IfThenElse(hn::Ge(value, six), six, value));
  });
}

void leaky_relu_forward(const float* x, View<float> y, float slope) {
  write_vectors(y, [x, slope](auto d, std::int64_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, x + i);
    return hn::IfThenElse(hn::Lt(value, hn::Zero(d)), hn::Mul(hn::Set(d, slope), value), value);
  });
}

// The gradient is a product, not a choice: a NaN in dy comes through even where the slope is 0.

void relu_backward(const float* y, const float* dy, View<float> dx) {
  write_vectors(dx, [y, dy](auto d, std::int64_t i) HWY_ATTR {
    const auto slope = hn::IfThenZeroElse(hn::Le(hn::LoadU(d, y + i), hn::Zero(d)), hn::Set(d, 1.0f));
    return hn::Mul(hn::LoadU(d, dy + i), slope);
  });
}

void relu6_backward(const float* y, const float* dy, View<float> dx) {
  write_vectors(dx, [y, dy](auto d, std::int64_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, y + i);
    const auto flat = hn::Or(hn::Le(value, hn::Zero(d)), hn::Ge(value, hn::Set(d, 6.0f)));
    return hn::Mul(hn::LoadU(d, dy + i), hn::IfThenZeroElse(flat, hn::Set(d, 1.0f)));
  });
}

void leaky_relu_backward(const float* y, const float* dy, View<float> dx, float slope) {
  write_vectors(dx, [y, dy, slope](auto d, std::int64_t i) HWY_ATTR {
    const auto negative = hn::Le(hn::LoadU(d, y + i), hn::Zero(d));
    return hn::Mul(hn::LoadU(d, dy + i), hn::IfThenElse(negative, hn::Set(d, slope), hn::Set(d, 1.0f)));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(relu_forward);
HWY_EXPORT(relu6_forward);
HWY_EXPORT(leaky_relu_forward);
HWY_EXPORT(relu_backward);
HWY_EXPORT(relu6_backward);
HWY_EXPORT(leaky_relu_backward);

namespace {

/// y[i] = map(i) for every i.
template <class Map>
void write_each(View<float> y, const Map& map) {
  float* const out = y.data;
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = map(i);
  });
}

}  // namespace

void scale_bytes(View<const std::uint8_t> x, View<float> y, float scale, float offset) {
  write_each(y, [=](std::int64_t i) { return scale * static_cast<float>(x.data[i]) + offset; });
}

void affine(View<const float> x, View<float> y, float scale, float offset) {
  write_each(y, [=](std::int64_t i) { return scale * x.data[i] + offset; });
}

void activation_forward(View<const float> x, View<float> y, Activation activation) {
  instruction_set();
  switch (activation.kind) {
    case ActivationKind::relu:
      return HWY_DYNAMIC_DISPATCH(relu_forward)(x.data, y);
    case ActivationKind::relu6:
      return HWY_DYNAMIC_DISPATCH(relu6_forward)(x.data, y);
    case ActivationKind::leaky_relu:
      return HWY_DYNAMIC_DISPATCH(leaky_relu_forward)(x.data, y, activation.slope);
    default:
      write_each(y, [=](std::int64_t i) { return activate(x.data[i], activation); });
  }
}

void activation_backward(View<const float> y, View<const float> dy, View<float> dx, Activation activation) {
  instruction_set();
  switch (activation.kind) {
    case ActivationKind::relu:
      return HWY_DYNAMIC_DISPATCH(relu_backward)(y.data, dy.data, dx);
    case ActivationKind::relu6:
      return HWY_DYNAMIC_DISPATCH(relu6_backward)(y.data, dy.data, dx);
    case ActivationKind::leaky_relu:
      return HWY_DYNAMIC_DISPATCH(leaky_relu_backward)(y.data, dy.data, dx, activation.slope);
    case ActivationKind::sigmoid:  // the kind as a constant, so that its switch leaves the loop
      return write_each(
          dx, [=](std::int64_t i) { return dy.data[i] * activation_slope(y.data[i], {ActivationKind::sigmoid}); });
    case ActivationKind::tanh:
      return write_each(
          dx, [=](std::int64_t i) { return dy.data[i] * activation_slope(y.data[i], {ActivationKind::tanh}); });
    default:
      write_each(dx, [=](std::int64_t i) { return dy.data[i]; });
  }
}

}  // namespace mien::kernels::cpu
#endif
