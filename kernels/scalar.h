// What host and device code share: the macro that marks such code, and the scalar functions of the network ops.
// Written once here, so that a sigmoid is the same sigmoid on every backend.
#pragma once

#include <cmath>
#include <cstdint>

/// Marks a function as callable from host and from CUDA device code. Nothing outside nvcc.
#if defined(__CUDACC__)
#define MIEN_HOST_DEVICE __host__ __device__
#else
#define MIEN_HOST_DEVICE
#endif

namespace mien {

/// The activations. Each derivative below is written in terms of the output y, so that a backward pass keeps only y.
/// `softmax` couples a row of values; it is an op of its own and never reaches `activate`.
enum class ActivationKind : std::uint8_t { linear, relu, relu6, leaky_relu, sigmoid, tanh, softmax };

/// An activation as plain data: what a layer stores, a kernel takes and a file holds.
struct Activation {
  ActivationKind kind = ActivationKind::linear;
  float slope = 0.2f;  ///< of leaky_relu for negative inputs; must be > 0 (Keras's function: 0.2, its layer: 0.3)

  /// Whether the slope is 0 or 1 everywhere: a gradient passes whole, or not at all.
  MIEN_HOST_DEVICE constexpr bool is_gate() const {
    return kind == ActivationKind::linear || kind == ActivationKind::relu || kind == ActivationKind::relu6;
  }
  friend constexpr bool operator==(const Activation& a, const Activation& b) {
    return a.kind == b.kind && (a.kind != ActivationKind::leaky_relu || a.slope == b.slope);
  }
};

/// y = activation(x). A NaN stays a NaN: comparisons are written so that it falls through to x.
MIEN_HOST_DEVICE inline float activate(float x, Activation activation) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return x <= 0.0f ? 0.0f : x;
    case ActivationKind::relu6:
      return x <= 0.0f ? 0.0f : (x >= 6.0f ? 6.0f : x);
    case ActivationKind::leaky_relu:
      return x < 0.0f ? activation.slope * x : x;
    case ActivationKind::sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case ActivationKind::tanh:
      return std::tanh(x);
    default:
      return x;
  }
}

/// dy/dx at the point where the activation gave y. At the corners it is TensorFlow's choice: 0 for relu at 0, 0 for
/// relu6 at 0 and 6, the slope for leaky_relu at 0.
MIEN_HOST_DEVICE inline float activation_slope(float y, Activation activation) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return y <= 0.0f ? 0.0f : 1.0f;
    case ActivationKind::relu6:
      return y <= 0.0f || y >= 6.0f ? 0.0f : 1.0f;
    case ActivationKind::leaky_relu:
      return y <= 0.0f ? activation.slope : 1.0f;
    case ActivationKind::sigmoid:
      return y * (1.0f - y);
    case ActivationKind::tanh:
      return 1.0f - y * y;
    default:
      return 1.0f;
  }
}

}  // namespace mien
