// The fully connected layer: y = activation(x · w + b).
#pragma once

#include <optional>

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/activation.h"
#include "mien/core/ops/rows.h"

namespace mien {

/// The numbers of x (..., in) · w (in, out) + b (out). Throws unless they fit; no bias: std::nullopt.
inline DenseGeometry dense_geometry(const Shape& x, const Shape& w, const std::optional<Shape>& b,
                                    Activation activation) {
  const auto got = [&] { return join(" Got x=", x, ", w=", w, b ? join(", b=", *b) : "", "."); };
  check(x.rank() >= 1, "dense", "x must have at least one axis.", got);
  check(w.rank() == 2, "dense", "w must have 2 axes (in, out).", got);
  check(x[-1] == w[0], "dense", "input has ", x[-1], " features, weights expect ", w[0], ".", got);
  check(!b || *b == Shape{w[1]}, "dense", "the bias must have one number for each of the ", w[1], " units.", got);
  return {.rows = narrow(rows_geometry("dense", x).rows, "dense"),
          .in = narrow(w[0], "dense"),
          .out = narrow(w[1], "dense"),
          .bias = b.has_value(),
          .activation = activation};
}

/// y (..., out) from x (..., in), w (in, out) and b (out), which may be absent: any number of leading axes, as in
/// Keras.
inline Tensor dense(const Tensor& x, const Tensor& w, const Tensor& b, Activation activation = {}) {
  if (activation.kind == ActivationKind::softmax) return softmax(dense(x, w, b));
  check_float("dense", "x", x);
  check_float("dense", "w", w);
  if (b.defined()) check_float("dense", "b", b);
  check_same_device("dense", {&x, &w, &b});
  const DenseGeometry g =
      dense_geometry(x.shape(), w.shape(), b.defined() ? std::optional(b.shape()) : std::nullopt, activation);
  check_activation("dense", activation);
  Tensor y = Tensor::empty(x.shape().with(-1, g.out), x.device());
  kernels::dense_forward(x.device())(x.view(), w.view(), b.view(), y.view(), g);
  const bool linear_epilogue = activation.kind == ActivationKind::linear;
  return record(
      "dense", y, {x, w, b},
      [g, linear_epilogue, x = w.requires_grad() ? x.detach() : Tensor(),
       w = x.requires_grad() ? w.detach() : Tensor()](Backward& back) {
        Tensor dz = back.dy_tensor();  // the gradient of x · w + b
        if (!linear_epilogue) {
          dz = Tensor::empty(back.y().shape(), back.device());
          kernels::activation_backward(back.device())(back.y().view(), back.dy(), dz.view(), g.activation);
        }
        const auto product = kernels::matmul(back.device());
        // dx = dz · wᵀ, dw = xᵀ · dz
        if (back.needs(0))
          product(dz.view(), w.view(), back.grad(0), {.m = g.rows, .n = g.in, .k = g.out, .transpose_b = true});
        if (back.needs(1))
          product(x.view(), dz.view(), back.grad(1), {.m = g.in, .n = g.out, .k = g.rows, .transpose_a = true});
        if (back.needs(2))
          kernels::reduce_sum(back.device())(dz.view(), back.grad(2),
                                             {.axes = 2, .extent = {g.rows, g.out}, .reduced = {true, false}});
      },
      linear_epilogue ? Keep::nothing : Keep::output);
}

/// The weights w (in, out) as the device reads them best, for weights that no longer change.
inline Tensor prepare_dense(const Tensor& w) {
  const DenseGeometry g = dense_geometry({1, w.shape()[0]}, w.shape(), std::nullopt, {});
  std::int64_t size = 0;
  kernels::dense_prepared_size(w.device())(g, &size);
  Tensor prepared = Tensor::empty({size}, w.device());
  kernels::dense_prepare(w.device())(w.view(), prepared.view(), g);
  return prepared;
}

/// dense() from prepared weights, for inference: leaves no gradient. `w`: the shape of the weights.
inline Tensor dense_prepared(const Tensor& x, const Tensor& prepared, const Shape& w, const Tensor& b,
                             Activation activation = {}) {
  check_float("dense", "x", x);
  check_same_device("dense", {&x, &prepared, &b});
  const DenseGeometry g =
      dense_geometry(x.shape(), w, b.defined() ? std::optional(b.shape()) : std::nullopt, activation);
  Tensor y = Tensor::empty(x.shape().with(-1, g.out), x.device());
  kernels::dense_forward_prepared(x.device())(x.view(), prepared.view(), b.view(), y.view(), g);
  return y;
}

}  // namespace mien
