// Zeros round the height and width of pictures.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/ops/window.h"

namespace mien {

/// The numbers of padding x (batch, height, width, channels).
inline Pad2dGeometry zero_pad2d_geometry(const Shape& x, const Border& border) {
  const char* const op = "zero_pad2d";
  check(x.rank() == 4, op, "input must have 4 axes (batch, height, width, channels). Got x=", x, ".");
  check_border(op, border);
  narrow(x[1] + border.top + border.bottom, op);
  narrow(x[2] + border.left + border.right, op);
  return {.batch = narrow(x[0], op),
          .height = narrow(x[1], op),
          .width = narrow(x[2], op),
          .channels = narrow(x[3], op),
          .top = border.top,
          .bottom = border.bottom,
          .left = border.left,
          .right = border.right};
}

/// y (batch, top + height + bottom, left + width + right, channels).
inline Tensor zero_pad2d(const Tensor& x, const Border& border) {
  check_float("zero_pad2d", "x", x);
  const Pad2dGeometry g = zero_pad2d_geometry(x.shape(), border);
  Tensor y = Tensor::empty({g.batch, g.y_height(), g.y_width(), g.channels}, x.device());
  kernels::zero_pad2d_forward(x.device())(x.view(), y.view(), g);
  return record("zero_pad2d", y, {x},
                [g](Backward& back) { kernels::zero_pad2d_backward(back.device())(back.dy(), back.grad(0), g); });
}

/// The opposite: x (batch, top + height + bottom, left + width + right, channels) without its border. Throws where
/// nothing would be left.
inline Tensor crop2d(const Tensor& x, const Border& border) {
  const char* const op = "crop2d";
  check_float(op, "x", x);
  check(x.shape().rank() == 4, op, "input must have 4 axes (batch, height, width, channels). Got x=", x.shape(), ".");
  check_border(op, border);
  check(x.shape()[1] > border.top + border.bottom && x.shape()[2] > border.left + border.right, op,
        "the border must leave something of the picture. Got x=", x.shape(), ", border=(", border.top, ",",
        border.bottom, ",", border.left, ",", border.right, ").");
  const Shape kept{x.shape()[0], x.shape()[1] - border.top - border.bottom, x.shape()[2] - border.left - border.right,
                   x.shape()[3]};
  const Pad2dGeometry g = zero_pad2d_geometry(kept, border);  // of the padding that this takes back
  Tensor y = Tensor::empty(kept, x.device());
  kernels::zero_pad2d_backward(x.device())(x.view(), y.view(), g);
  return record(op, y, {x},
                [g](Backward& back) { kernels::zero_pad2d_forward(back.device())(back.dy(), back.grad(0), g); });
}

}  // namespace mien
