// y = scale * x + offset with two constants.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// scale * x + offset, element by element; y has x's shape.
inline Tensor affine(const Tensor& x, float scale, float offset = 0.0f) {
  check_float("affine", "x", x);
  Tensor y = Tensor::empty(x.shape(), x.device());
  kernels::affine(x.device())(x.view(), y.view(), scale, offset);
  return record("affine", y, {x},
                [scale](Backward& back) { kernels::affine(back.device())(back.dy(), back.grad(0), scale, 0.0f); });
}

inline Tensor operator*(const Tensor& x, float scale) { return affine(x, scale); }
inline Tensor operator*(float scale, const Tensor& x) { return affine(x, scale); }
inline Tensor operator+(const Tensor& x, float offset) { return affine(x, 1.0f, offset); }
inline Tensor operator-(const Tensor& x, float offset) { return affine(x, 1.0f, -offset); }
inline Tensor operator-(const Tensor& x) { return affine(x, -1.0f); }

}  // namespace mien
