// Tensors one after the other along an axis.
#pragma once

#include <vector>

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// The shape of the result. Throws unless the shapes differ on `axis` alone; negative axes count from the end.
inline Shape concatenated_shape(const std::vector<Shape>& shapes, int axis) {
  const char* const op = "concatenate";
  check(!shapes.empty(), op, "needs at least one tensor.");
  const Shape& first = shapes.front();
  const int place = axis < 0 ? axis + first.rank() : axis;
  check(place >= 0 && place < first.rank(), op, "axis ", axis, " is not one of the ", first.rank(), " axes of ", first,
        ".");
  std::int64_t length = 0;
  for (const Shape& shape : shapes) {
    check(shape.rank() == first.rank() && shape.with(place, 0) == first.with(place, 0), op,
          "shapes must be equal but for axis ", axis, ". Got ", first, " and ", shape, ".");
    length += shape[place];
  }
  return first.with(place, length);
}

/// y holds the tensors side by side along `axis`; all other lengths must be equal.
inline Tensor concatenate(const std::vector<Tensor>& tensors, int axis = -1) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) {
    check_float("concatenate", "x", tensor);
    check_same_device("concatenate", {&tensors.front(), &tensor});
    shapes.push_back(tensor.shape());
  }
  const Shape shape = concatenated_shape(shapes, axis);
  const int place = axis < 0 ? axis + shape.rank() : axis;
  // Each tensor is a band of y: `outer` runs of its own length, in rows of y's.
  std::vector<BandGeometry> bands;
  std::int64_t offset = 0;
  for (const Shape& part : shapes) {
    const std::int64_t inner = part.from(place).size();
    bands.push_back({.outer = part.size() / inner, .inner = inner, .wide = shape.from(place).size(), .offset = offset});
    offset += inner;
  }
  Tensor y = Tensor::empty(shape, tensors.front().device());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    kernels::write_band(y.device())(tensors[i].view(), y.view(), bands[i]);
  return record("concatenate", y, tensors, [bands](Backward& back) {
    for (std::size_t i = 0; i < bands.size(); ++i)
      if (back.needs(i)) kernels::read_band(back.device())(back.dy(), back.grad(i), bands[i]);
  });
}

}  // namespace mien
