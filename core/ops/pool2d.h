// Pooling: the maximum or the mean of each window of a picture, each channel for itself.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/ops/reduce.h"
#include "mien/core/ops/window.h"

namespace mien {

struct Pool2dOptions {
  Extent2d size = 2;
  Extent2d stride = 0;  ///< 0: as far as the window is large
  Padding padding = Padding::valid;
};

/// The numbers of pooling x (batch, height, width, channels). Throws unless the window fits.
inline Pool2dGeometry pool2d_geometry(const char* op, const Shape& x, const Pool2dOptions& options) {
  check(x.rank() == 4, op, "input must have 4 axes (batch, height, width, channels). Got x=", x, ".");
  check(options.padding != Padding::explicit_cells, op, "padding must be valid or same.");
  const auto axis = [&](const char* which, std::int64_t input, int size, int stride) {
    return checked_window_axis(op, which,
                               {.input = narrow(input, op), .kernel = size, .stride = stride == 0 ? size : stride},
                               options.padding);
  };
  return {.batch = narrow(x[0], op),
          .height = axis("height", x[1], options.size.height, options.stride.height),
          .width = axis("width", x[2], options.size.width, options.stride.width),
          .channels = narrow(x[3], op)};
}

/// The maximum of each window. The gradient goes to the first maximum, row by row.
inline Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options = {}) {
  check_float("max_pool2d", "x", x);
  const Pool2dGeometry g = pool2d_geometry("max_pool2d", x.shape(), options);
  const Shape shape{g.batch, g.height.output, g.width.output, g.channels};
  Tensor y = Tensor::empty(shape, x.device());
  Tensor argmax = Tensor::empty(shape, x.device(), DType::int32);
  kernels::max_pool2d_forward(x.device())(x.view(), y.view(), argmax.view<std::int32_t>(), g);
  return record("max_pool2d", y, {x}, [g, argmax](Backward& back) {
    kernels::max_pool2d_backward(back.device())(argmax.view<std::int32_t>(), back.dy(), back.grad(0), g);
  });
}

/// The mean of each window over the cells inside the picture: padding does not count, as in Keras.
inline Tensor average_pool2d(const Tensor& x, const Pool2dOptions& options = {}) {
  check_float("average_pool2d", "x", x);
  const Pool2dGeometry g = pool2d_geometry("average_pool2d", x.shape(), options);
  Tensor y = Tensor::empty({g.batch, g.height.output, g.width.output, g.channels}, x.device());
  kernels::average_pool2d_forward(x.device())(x.view(), y.view(), g);
  return record("average_pool2d", y, {x},
                [g](Backward& back) { kernels::average_pool2d_backward(back.device())(back.dy(), back.grad(0), g); });
}

/// The mean of each picture and channel: (batch, channels), or (batch, 1, 1, channels) with keep_dims.
inline Tensor global_average_pool2d(const Tensor& x, bool keep_dims = false) {
  check_float("global_average_pool2d", "x", x, 4);
  return mean(x, {1, 2}, keep_dims);
}

}  // namespace mien
