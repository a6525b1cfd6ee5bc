// Activations as an op, and as named function objects.
//
//   Conv2dOptions options{.activation = relu};      // the object as a setting
//   Tensor y = leaky_relu(0.3f)(x);                 // the object as a function
#pragma once

#include <string_view>

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/softmax.h"

namespace mien {

/// Throws where an activation's constant is out of range.
inline void check_activation(const char* op, Activation activation) {
  check(activation.kind != ActivationKind::leaky_relu || activation.slope > 0, op,
        "the slope of leaky_relu must be above 0. Got ", activation.slope, ".");
}

/// y = activation(x), each element for itself; softmax works on the rows of the last axis. Shape of y: that of x.
inline Tensor activate(const Tensor& x, Activation activation) {
  if (activation.kind == ActivationKind::softmax) return softmax(x);
  check_float("activation", "x", x);
  if (activation.kind == ActivationKind::linear) return x;
  check_activation("activation", activation);
  Tensor y = Tensor::empty(x.shape(), x.device());
  kernels::activation_forward(x.device())(x.view(), y.view(), activation);
  return record(
      "activation", y, {x},
      [activation](Backward& back) {
        kernels::activation_backward(back.device())(back.y().view(), back.dy(), back.grad(0), activation);
      },
      Keep::output);
}

/// An activation that can be called on a tensor and stands for itself in options.
struct ActivationFunction {
  Activation activation;

  constexpr operator Activation() const { return activation; }
  Tensor operator()(const Tensor& x) const { return activate(x, activation); }
};

/// leaky_relu(x) has Keras's slope of 0.2; leaky_relu(0.3f) is the activation with that slope.
struct LeakyReluFunction : ActivationFunction {
  using ActivationFunction::operator();
  constexpr ActivationFunction operator()(float slope) const { return {{ActivationKind::leaky_relu, slope}}; }
};

inline constexpr ActivationFunction linear{{ActivationKind::linear}};
inline constexpr ActivationFunction relu{{ActivationKind::relu}};
inline constexpr ActivationFunction relu6{{ActivationKind::relu6}};
inline constexpr LeakyReluFunction leaky_relu{{{ActivationKind::leaky_relu, 0.2f}}};
inline constexpr ActivationFunction sigmoid{{ActivationKind::sigmoid}};
/// Not `tanh`: beside C's function of that name, `using namespace mien` would make both ambiguous.
inline constexpr ActivationFunction hyperbolic_tangent{{ActivationKind::tanh}};

/// Keras's name: "linear", "relu", "relu6", "leaky_relu", "sigmoid", "tanh" or "softmax".
constexpr std::string_view name(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::linear:
      return "linear";
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::relu6:
      return "relu6";
    case ActivationKind::leaky_relu:
      return "leaky_relu";
    case ActivationKind::sigmoid:
      return "sigmoid";
    case ActivationKind::tanh:
      return "tanh";
    case ActivationKind::softmax:
      return "softmax";
  }
  return "unknown";
}

/// The activation of that name, leaky_relu with the slope of Keras's function; Error with the names there are
/// otherwise.
inline Activation parse_activation(std::string_view text) {
  for (const Activation activation : {Activation(linear), Activation(relu), Activation(relu6), Activation(leaky_relu),
                                      Activation(sigmoid), Activation(hyperbolic_tangent), Activation(softmax)})
    if (text == name(activation.kind)) return activation;
  fail("activation", "activations are linear, relu, relu6, leaky_relu, sigmoid, tanh and softmax. Got \"", text, "\".");
}

}  // namespace mien
