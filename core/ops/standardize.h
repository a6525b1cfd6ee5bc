// Each picture brought to mean 0 and variance 1: what stays is its pattern, without how light or contrasty it is.
//
//   y = (x - mean) / sqrt(variance + epsilon), over all elements of one picture
//
// The same as Keras's GroupNormalization of one group, without gamma and beta.
#pragma once

#include <cmath>

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/affine.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/reduce.h"

namespace mien {

/// x (batch, …) → the same shape; the variance is the biased one. Throws unless epsilon is above 0.
inline Tensor standardize(const Tensor& x, float epsilon = 1e-3f) {
  const char* const op = "standardize";
  check_float(op, "x", x);
  check(x.shape().rank() >= 2 && x.shape().size() > 0, op,
        "x must have a batch axis and at least one element a picture. Got x=", x.shape(), ".");
  check(epsilon > 0 && std::isfinite(epsilon), op, "epsilon must be finite and above 0. Got ", epsilon, ".");
  Tensor y, scale;  // scale: 1 / sqrt(variance + epsilon) of each picture, (batch, 1, …)
  const auto mean_of = [axes = [&] {
    std::vector<int> all;
    for (int axis = 1; axis < x.shape().rank(); ++axis) all.push_back(axis);
    return all;
  }()](const Tensor& values) { return mean(values, axes, true); };
  {
    const NoGrad no_grad;
    const Tensor centred = subtract(x.detach(), mean_of(x.detach()));
    const Tensor variance = mean_of(multiply(centred, centred));
    std::vector<float> factors = variance.to_vector();  // one number a picture: not worth a kernel of its own
    for (float& factor : factors) factor = 1 / std::sqrt(factor + epsilon);
    scale = Tensor::from(factors, variance.shape(), x.device());
    y = multiply(centred, scale);
  }
  return record(
      op, y, {x},
      [scale, mean_of](Backward& back) {
        const NoGrad no_grad;
        const Tensor dy = back.dy_tensor(), y = back.y().detach();
        // dx = scale * (dy - mean(dy) - y * mean(y * dy))
        const Tensor along = multiply(y, mean_of(multiply(y, dy)));
        back.set_grad(0, multiply(subtract(subtract(dy, mean_of(dy)), along), scale));
      },
      Keep::output);
}

}  // namespace mien
