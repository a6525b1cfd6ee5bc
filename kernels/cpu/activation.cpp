// Activations and the affine maps: one value in, one value out.
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

/// y[i] = map(i) for every i.
template <class Map>
void write_each(View<float> y, const Map& map) {
  float* const out = y.data;
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = map(i);
  });
}

/// Calls body(constant) with the activation's kind as a compile-time constant: its switch leaves the inner loop.
template <class Body>
void with_kind(Activation activation, const Body& body) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return body(std::integral_constant<ActivationKind, ActivationKind::relu>{});
    case ActivationKind::relu6:
      return body(std::integral_constant<ActivationKind, ActivationKind::relu6>{});
    case ActivationKind::leaky_relu:
      return body(std::integral_constant<ActivationKind, ActivationKind::leaky_relu>{});
    case ActivationKind::sigmoid:
      return body(std::integral_constant<ActivationKind, ActivationKind::sigmoid>{});
    case ActivationKind::tanh:
      return body(std::integral_constant<ActivationKind, ActivationKind::tanh>{});
    default:
      return body(std::integral_constant<ActivationKind, ActivationKind::linear>{});
  }
}

}  // namespace

void scale_bytes(View<const std::uint8_t> x, View<float> y, float scale, float offset) {
  write_each(y, [=](std::int64_t i) { return scale * static_cast<float>(x.data[i]) + offset; });
}

void affine(View<const float> x, View<float> y, float scale, float offset) {
  write_each(y, [=](std::int64_t i) { return scale * x.data[i] + offset; });
}

void activation_forward(View<const float> x, View<float> y, Activation activation) {
  with_kind(activation, [&](auto kind) {
    const Activation fixed{kind.value, activation.slope};
    write_each(y, [=](std::int64_t i) { return activate(x.data[i], fixed); });
  });
}

void activation_backward(View<const float> y, View<const float> dy, View<float> dx, Activation activation) {
  with_kind(activation, [&](auto kind) {
    const float slope = activation.slope;
    write_each(dx, [=](std::int64_t i) {
      return dy.data[i] * activation_slope(y.data[i], Activation{decltype(kind)::value, slope});
    });
  });
}

}  // namespace mien::kernels::cpu
