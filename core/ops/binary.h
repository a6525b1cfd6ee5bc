// Sums, differences and products of two tensors, with NumPy's broadcasting: shapes are aligned at their last axis, and
// an axis of length 1, or one that is not there, is repeated.
//
//   (32,16,16,8) + (8)          a bias for each channel
//   (32,16,16,8) * (32,1,1,8)   a gate for each picture and channel
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// The length of axis `axis` of `shape` once it is aligned with shapes of `rank` axes.
inline std::int64_t aligned_length(const Shape& shape, int rank, int axis) {
  const int own = axis - (rank - shape.rank());
  return own < 0 ? 1 : shape[own];
}

/// The shape of the result. Throws where two lengths differ and neither is 1.
inline Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result;
  for (int i = 0; i < rank; ++i) {
    const std::int64_t of_a = aligned_length(a, rank, i), of_b = aligned_length(b, rank, i);
    check(of_a == of_b || of_a == 1 || of_b == 1, op,
          "aligned at the last axis, lengths must be equal, or one of them 1. Got a=", a, ", b=", b, ".");
    result.append(of_a == 1 ? of_b : of_a);
  }
  return result;
}

/// How a and b are walked for a result of shape `y`. Neighbouring axes along which both move, or the same one stands
/// still, become one.
inline BroadcastGeometry broadcast_geometry(const Shape& a, const Shape& b, const Shape& y) {
  BroadcastGeometry g;
  g.axes = 0;
  bool a_moves[max_broadcast_axes] = {}, b_moves[max_broadcast_axes] = {};
  for (int i = 0; i < y.rank(); ++i) {
    if (y[i] == 1) continue;
    const bool a_here = aligned_length(a, y.rank(), i) != 1, b_here = aligned_length(b, y.rank(), i) != 1;
    if (g.axes == 0 || a_moves[g.axes - 1] != a_here || b_moves[g.axes - 1] != b_here) {
      a_moves[g.axes] = a_here;
      b_moves[g.axes] = b_here;
      g.extent[g.axes++] = 1;
    }
    g.extent[g.axes - 1] *= y[i];
  }
  if (g.axes == 0) g.axes = 1;  // one element
  std::int64_t a_step = 1, b_step = 1;
  for (int i = g.axes - 1; i >= 0; --i) {
    g.a_stride[i] = a_moves[i] ? a_step : 0;
    g.b_stride[i] = b_moves[i] ? b_step : 0;
    if (a_moves[i]) a_step *= g.extent[i];
    if (b_moves[i]) b_step *= g.extent[i];
  }
  return g;
}

/// a and b combined, outside any graph.
inline Tensor combine(const Tensor& a, const Tensor& b, const Shape& shape, BinaryKind kind) {
  Tensor y = Tensor::empty(shape, a.device());
  kernels::binary_forward(a.device())(a.view(), b.view(), y.view(), broadcast_geometry(a.shape(), b.shape(), shape),
                                      kind);
  return y;
}

/// Broadcasting's adjoint: scale * the sum of dy over the axes along which a tensor of shape `to` was repeated.
inline Tensor sum_to_shape(const Tensor& dy, const Shape& to, float scale) {
  if (dy.shape() == to && scale == 1.0f) return dy;
  const int rank = dy.shape().rank();
  ReduceGeometry g;
  g.axes = std::max(1, rank);
  g.scale = scale;
  for (int i = 0; i < rank; ++i) {
    g.extent[i] = dy.shape()[i];
    g.reduced[i] = aligned_length(to, rank, i) != g.extent[i];
  }
  Tensor result = Tensor::empty(to, dy.device());
  kernels::reduce_sum(dy.device())(dy.view(), result.view(), g);
  return result;
}

/// The op under add, subtract and multiply.
inline Tensor binary(const char* op, BinaryKind kind, const Tensor& a, const Tensor& b) {
  check_float(op, "a", a);
  check_float(op, "b", b);
  check_same_device(op, {&a, &b});
  const Tensor y = combine(a, b, broadcast_shape(op, a.shape(), b.shape()), kind);
  if (kind != BinaryKind::multiply)
    return record(op, y, {a, b}, [a_shape = a.shape(), b_shape = b.shape(), kind](Backward& back) {
      const float b_scale = kind == BinaryKind::subtract ? -1.0f : 1.0f;
      if (back.needs(0)) back.set_grad(0, sum_to_shape(back.dy_tensor(), a_shape, 1.0f));
      if (back.needs(1)) back.set_grad(1, sum_to_shape(back.dy_tensor(), b_shape, b_scale));
    });
  // Each factor is saved for the gradient of the other.
  return record(op, y, {a, b},
                [a_shape = a.shape(), b_shape = b.shape(), a = b.requires_grad() ? a.detach() : Tensor(),
                 b = a.requires_grad() ? b.detach() : Tensor()](Backward& back) {
                  const Tensor& dy = back.dy_tensor();
                  const auto gradient = [&dy](const Tensor& other, const Shape& to) {
                    return sum_to_shape(combine(dy, other, dy.shape(), BinaryKind::multiply), to, 1.0f);
                  };
                  if (back.needs(0)) back.set_grad(0, gradient(b, a_shape));
                  if (back.needs(1)) back.set_grad(1, gradient(a, b_shape));
                });
}

/// a + b
inline Tensor add(const Tensor& a, const Tensor& b) { return binary("add", BinaryKind::add, a, b); }
/// a - b
inline Tensor subtract(const Tensor& a, const Tensor& b) { return binary("subtract", BinaryKind::subtract, a, b); }
/// a * b, element by element
inline Tensor multiply(const Tensor& a, const Tensor& b) { return binary("multiply", BinaryKind::multiply, a, b); }

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return subtract(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return multiply(a, b); }

}  // namespace mien
