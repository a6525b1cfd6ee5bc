// The product of two matrices.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// The numbers of op(a) · op(b), where op transposes if asked. Throws unless both are matrices that fit.
inline MatmulGeometry matmul_geometry(const Shape& a, const Shape& b, bool transpose_a, bool transpose_b) {
  check(a.rank() == 2 && b.rank() == 2, "matmul", "a and b must have 2 axes. Got a=", a, ", b=", b, ".");
  const std::int64_t a_inner = a[transpose_a ? 0 : 1], b_inner = b[transpose_b ? 1 : 0];
  check(a_inner == b_inner, "matmul", "a has ", a_inner, transpose_a ? " rows (transposed)" : " columns",
        ", b expects ", b_inner, ". Got a=", a, ", b=", b, ".");
  return {.m = narrow(a[transpose_a ? 1 : 0], "matmul"),
          .n = narrow(b[transpose_b ? 0 : 1], "matmul"),
          .k = narrow(a_inner, "matmul"),
          .transpose_a = transpose_a,
          .transpose_b = transpose_b};
}

/// c (m, n) = op(a) (m, k) · op(b) (k, n); with transpose_a, a is stored (k, m), with transpose_b, b (n, k).
inline Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false) {
  check_float("matmul", "a", a);
  check_float("matmul", "b", b);
  check_same_device("matmul", {&a, &b});
  const MatmulGeometry g = matmul_geometry(a.shape(), b.shape(), transpose_a, transpose_b);
  Tensor c = Tensor::empty({g.m, g.n}, a.device());
  kernels::matmul(a.device())(a.view(), b.view(), c.view(), g);
  // Each factor is saved for the gradient of the other.
  return record("matmul", c, {a, b},
                [g, a = b.requires_grad() ? a.detach() : Tensor(),
                 b = a.requires_grad() ? b.detach() : Tensor()](Backward& back) {
                  const auto product = kernels::matmul(back.device());
                  // da = dc · op(b)ᵀ, db = op(a)ᵀ · dc; transposed as a whole where the operand is stored so.
                  if (back.needs(0)) {
                    const View<const float> factor = b.view();
                    if (g.transpose_a)
                      product(factor, back.dy(), back.grad(0), {g.k, g.m, g.n, g.transpose_b, true});
                    else
                      product(back.dy(), factor, back.grad(0), {g.m, g.k, g.n, false, !g.transpose_b});
                  }
                  if (back.needs(1)) {
                    const View<const float> factor = a.view();
                    if (g.transpose_b)
                      product(back.dy(), factor, back.grad(1), {g.n, g.k, g.m, true, g.transpose_a});
                    else
                      product(factor, back.dy(), back.grad(1), {g.k, g.n, g.m, !g.transpose_a, false});
                  }
                });
}

}  // namespace mien
