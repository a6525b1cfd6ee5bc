// Nearest-neighbour up-sampling: each pixel repeated over a block, as Keras's UpSampling2D(interpolation="nearest").
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/ops/window.h"

namespace mien {

/// The numbers of repeating each pixel of x (batch, height, width, channels) over a block of `size`.
inline UpSampling2dGeometry up_sampling2d_geometry(const Shape& x, Extent2d size) {
  const char* const op = "up_sampling2d";
  check(x.rank() == 4, op, "input must have 4 axes (batch, height, width, channels). Got x=", x, ".");
  check(size.height >= 1 && size.width >= 1, op, "size must be at least 1 along both axes. Got ", size, ".");
  narrow(x[1] * size.height, op);
  narrow(x[2] * size.width, op);
  return {.batch = narrow(x[0], op),
          .height = narrow(x[1], op),
          .width = narrow(x[2], op),
          .channels = narrow(x[3], op),
          .rows = size.height,
          .columns = size.width};
}

/// y (batch, height * size.height, width * size.width, channels).
inline Tensor up_sampling2d(const Tensor& x, Extent2d size = 2) {
  check_float("up_sampling2d", "x", x);
  const UpSampling2dGeometry g = up_sampling2d_geometry(x.shape(), size);
  Tensor y = Tensor::empty({g.batch, g.y_height(), g.y_width(), g.channels}, x.device());
  kernels::up_sampling2d_forward(x.device())(x.view(), y.view(), g);
  return record("up_sampling2d", y, {x},
                [g](Backward& back) { kernels::up_sampling2d_backward(back.device())(back.dy(), back.grad(0), g); });
}

}  // namespace mien
