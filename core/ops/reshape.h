// The same numbers under another shape. Nothing moves.
#pragma once

#include <initializer_list>

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// x under a shape of as many elements.
inline Tensor reshape(const Tensor& x, const Shape& shape) {
  check_float("reshape", "x", x);
  return record("reshape", x.with_shape(shape), {x}, [](Backward& back) { back.set_grad(0, back.dy_tensor()); });
}

/// The same with one length left open: reshape(x, {-1, 16}).
inline Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> lengths) {
  check_float("reshape", "x", x);
  int open = 0;
  std::int64_t known = 1;
  for (const std::int64_t length : lengths) {
    check(length >= -1, "reshape", "a length must be at least 0, or -1 where it is left open. Got ", length, ".");
    if (length < 0)
      ++open;
    else
      known *= length;
  }
  check(open <= 1, "reshape", "only one length can be left open (-1). Got ", open, ".");
  check(open == 0 || (known > 0 && x.size() % known == 0), "reshape", "the ", x.size(), " elements of x=", x.shape(),
        " do not divide into rows of ", known, ".");
  Shape shape;
  for (const std::int64_t length : lengths) shape.append(length < 0 ? x.size() / known : length);
  return reshape(x, shape);
}

/// (batch, ...) becomes (batch, elements of one sample).
inline Tensor flatten(const Tensor& x) {
  check_float("flatten", "x", x);
  check(x.shape().rank() >= 1, "flatten", "needs a batch axis. Got a scalar.");
  return reshape(x, Shape{x.shape()[0], x.size() / x.shape()[0]});
}

}  // namespace mien
