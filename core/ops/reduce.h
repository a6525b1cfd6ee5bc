// Sums and means over some axes.
#pragma once

#include <vector>

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// The sum of a shape over `axes` (negative ones count from the end; none named: all). Throws where an axis is not
/// there or named twice.
inline ReduceGeometry reduce_geometry(const char* op, const Shape& x, const std::vector<int>& axes) {
  ReduceGeometry g;
  g.axes = std::max(1, x.rank());
  for (int i = 0; i < x.rank(); ++i) {
    g.extent[i] = x[i];
    g.reduced[i] = axes.empty();
  }
  for (const int axis : axes) {
    const int place = axis < 0 ? axis + x.rank() : axis;
    check(place >= 0 && place < x.rank(), op, "axis ", axis, " is not one of the ", x.rank(), " axes of x=", x, ".");
    check(!g.reduced[place], op, "axis ", axis, " is named twice. Got x=", x, ".");
    g.reduced[place] = true;
  }
  return g;
}

/// The shape that is left: summed axes go, or stay with length 1.
inline Shape reduced_shape(const Shape& x, const ReduceGeometry& g, bool keep_dims) {
  Shape result;
  for (int i = 0; i < x.rank(); ++i)
    if (!g.reduced[i] || keep_dims) result.append(g.reduced[i] ? 1 : x[i]);
  return result;
}

/// scale * sum, the op under sum() and mean().
inline Tensor scaled_sum(const char* op, const Tensor& x, const ReduceGeometry& g, bool keep_dims) {
  Tensor y = Tensor::empty(reduced_shape(x.shape(), g, keep_dims), x.device());
  kernels::reduce_sum(x.device())(x.view(), y.view(), g);
  return record(op, y, {x},
                [g](Backward& back) { kernels::reduce_sum_adjoint(back.device())(back.dy(), back.grad(0), g); });
}

/// The sum over `axes`, or over all where none is named: sum(x) is a scalar of shape ().
inline Tensor sum(const Tensor& x, const std::vector<int>& axes = {}, bool keep_dims = false) {
  check_float("sum", "x", x);
  return scaled_sum("sum", x, reduce_geometry("sum", x.shape(), axes), keep_dims);
}

/// The mean over `axes`, or over all where none is named.
inline Tensor mean(const Tensor& x, const std::vector<int>& axes = {}, bool keep_dims = false) {
  check_float("mean", "x", x);
  ReduceGeometry g = reduce_geometry("mean", x.shape(), axes);
  g.scale = static_cast<float>(1.0 / static_cast<double>(g.product(true)));
  return scaled_sum("mean", x, g, keep_dims);
}

}  // namespace mien
