// Softmax over the last axis: y = exp(x) / sum of exp(x), row by row.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/rows.h"

namespace mien {

/// softmax(x): the shares of each row of the last axis, which add up to 1. Shape of y: that of x, at least one axis.
/// It also stands for the activation in options, as the objects of activation.h do: .activation = softmax.
struct SoftmaxFunction {
  constexpr operator Activation() const { return {ActivationKind::softmax}; }

  Tensor operator()(const Tensor& x) const {
    check_float("softmax", "x", x);
    const RowsGeometry g = rows_geometry("softmax", x.shape());
    Tensor y = Tensor::empty(x.shape(), x.device());
    kernels::softmax_forward(x.device())(x.view(), y.view(), g);
    return record(
        "softmax", y, {x},
        [g](Backward& back) { kernels::softmax_backward(back.device())(back.y().view(), back.dy(), back.grad(0), g); },
        Keep::output);
  }
};

inline constexpr SoftmaxFunction softmax;

}  // namespace mien
