// The penalty that a regulariser puts on a weight, or on an activity.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// l1 * sum |w| + l2 * sum w^2, a scalar of shape (). The gradient of |w| at 0 is 0.
inline Tensor penalty(const Tensor& w, float l1, float l2) {
  check_float("penalty", "w", w);
  check(l1 >= 0 && l2 >= 0, "penalty", "l1 and l2 must be at least 0. Got ", l1, " and ", l2, ".");
  Tensor y = Tensor::empty({}, w.device());
  kernels::penalty_forward(w.device())(w.view(), y.view(), l1, l2);
  return record("penalty", y, {w}, [l1, l2, w = w.detach()](Backward& back) {
    kernels::penalty_backward(back.device())(w.view(), back.dy(), back.grad(0), l1, l2);
  });
}

}  // namespace mien
