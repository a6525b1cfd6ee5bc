// The convolution of a batch of pictures, with its epilogue: bias, activation, 2x2 max-pool.
//
//   y = pool(activation(convolution(x, w) + b))
//
// As in every framework it is a correlation: the kernel is not flipped. A depthwise convolution is the case
// groups = in, with weights (kh, kw, 1, in * multiplier).
#pragma once

#include <optional>

#include "mien/core/autograd.h"
#include "mien/core/ops/activation.h"
#include "mien/core/ops/window.h"
#include "mien/kernels/algorithm.h"

namespace mien {

struct Conv2dOptions {
  Extent2d stride = 1;
  Padding padding = Padding::valid;
  Border border = {};  ///< the padding under Padding::explicit_cells
  Extent2d dilation = 1;
  int groups = 1;  ///< input and output channels fall into this many groups that do not see each other
  Activation activation = {};
  bool pool = false;  ///< then the maximum of each whole 2x2 block
  Conv2dAlgorithm algorithm = Conv2dAlgorithm::automatic;
};

/// The numbers of the convolution of x (batch, height, width, in) with w (kh, kw, in / groups, out) and bias (out).
/// Throws unless all fit; no bias: std::nullopt.
inline Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& w, const std::optional<Shape>& bias,
                                      const Conv2dOptions& options) {
  const char* const op = "conv2d";
  const auto got = [&] { return join(" Got x=", x, ", w=", w, bias ? join(", b=", *bias) : "", "."); };
  check(x.rank() == 4, op, "input must have 4 axes (batch, height, width, channels).", got);
  check(w.rank() == 4, op, "weights must have 4 axes (kh, kw, in / groups, out).", got);
  const int groups = options.groups;
  check(groups >= 1, op, "groups must be at least 1. Got ", groups, ".");
  check(x[3] == w[2] * groups, op, "input has ", x[3], " channels, weights expect ", w[2] * groups, ".", got);
  check(w[3] % groups == 0, op, "the ", w[3], " output channels do not divide into ", groups, " groups.", got);
  check(!bias || *bias == Shape{w[3]}, op, "the bias must have one number for each of the ", w[3], " output channels.",
        got);
  check_border(op, options.border);
  check_activation(op, options.activation);

  Conv2dGeometry g;
  g.batch = narrow(x[0], op);
  g.height = checked_window_axis(op, "height",
                                 {.input = narrow(x[1], op),
                                  .kernel = narrow(w[0], op),
                                  .stride = options.stride.height,
                                  .dilation = options.dilation.height,
                                  .padding_begin = options.border.top,
                                  .padding_end = options.border.bottom},
                                 options.padding);
  g.width = checked_window_axis(op, "width",
                                {.input = narrow(x[2], op),
                                 .kernel = narrow(w[1], op),
                                 .stride = options.stride.width,
                                 .dilation = options.dilation.width,
                                 .padding_begin = options.border.left,
                                 .padding_end = options.border.right},
                                options.padding);
  g.in_channels = narrow(x[3], op);
  g.out_channels = narrow(w[3], op);
  g.groups = groups;
  g.bias = bias.has_value();
  g.activation = options.activation;
  g.pool = options.pool;
  check(!g.pool || (g.height.output >= 2 && g.width.output >= 2), op, "the 2x2 pool needs at least 2x2 cells, got ",
        g.height.output, "x", g.width.output, ".", got);
  return g;
}

/// y (batch, height, width, out) from x (batch, height, width, in), w (kh, kw, in / groups, out) and b (out), which may
/// be absent. A softmax follows as an op of its own, and so excludes the pool.
inline Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const Conv2dOptions& options = {}) {
  if (options.activation.kind == ActivationKind::softmax) {
    check(!options.pool, "conv2d", "a softmax cannot stand before the fused pool.");
    Conv2dOptions plain = options;
    plain.activation = linear;
    return softmax(conv2d(x, w, b, plain));
  }
  check_float("conv2d", "x", x);
  check_float("conv2d", "w", w);
  if (b.defined()) check_float("conv2d", "b", b);
  check_same_device("conv2d", {&x, &w, &b});
  const Conv2dGeometry g =
      conv2d_geometry(x.shape(), w.shape(), b.defined() ? std::optional(b.shape()) : std::nullopt, options);
  const Shape shape{g.batch, g.y_height(), g.y_width(), g.out_channels};
  Tensor y = Tensor::empty(shape, x.device()), argmax;
  if (g.pool) argmax = Tensor::empty(shape, x.device(), DType::uint8);
  kernels::conv2d_forward(x.device())(x.view(), w.view(), b.view(), y.view(), argmax.view<std::uint8_t>(), g,
                                      options.algorithm);
  // Past the pool, gradients are taken from its live entries where that is allowed, else from the dense gradient dz of
  // convolution + bias. x is saved for the gradient of w, and the other way round.
  const bool sparse = kernels::sparse_gradients(x.device(), g, options.algorithm);
  const bool has_slope = g.activation.kind != ActivationKind::linear && !(sparse && g.activation.is_gate());
  return record(
      "conv2d", y, {x, w, b},
      [g, argmax, sparse, has_slope, algorithm = options.algorithm, saved_x = w.requires_grad() ? x.detach() : Tensor(),
       saved_w = x.requires_grad() ? w.detach() : Tensor()](Backward& back) {
        const Device device = back.device();
        const auto taken = argmax.view<std::uint8_t>();
        Tensor dy = back.dy_tensor();
        if (sparse) {
          if (has_slope) {
            dy = Tensor::empty(dy.shape(), device);
            kernels::activation_backward(device)(back.y().view(), back.dy(), dy.view(), g.activation);
          }
          const View<const float> gradient = std::as_const(dy).view();
          if (back.needs(0))
            kernels::conv2d_sparse_backward_input(device)(taken, gradient, saved_w.view(), back.grad(0), g);
          if (back.needs(1) || back.needs(2))
            kernels::conv2d_sparse_backward_weights(device)(saved_x.view(), taken, gradient, back.grad(1), back.grad(2),
                                                            g);
          return;
        }
        Tensor dz = dy;
        if (g.pool || has_slope) {
          dz = Tensor::empty({g.batch, g.height.output, g.width.output, g.out_channels}, device);
          kernels::conv2d_epilogue_backward(device)(back.y().view(), taken, back.dy(), dz.view(), g);
        }
        if (back.needs(0))
          kernels::conv2d_backward_input(device)(dz.view(), saved_w.view(), back.grad(0), g, algorithm);
        if (back.needs(1))
          kernels::conv2d_backward_weights(device)(saved_x.view(), dz.view(), back.grad(1), g, algorithm);
        if (back.needs(2)) {
          const std::int64_t rows = g.convolution_size() / g.out_channels;
          kernels::reduce_sum(device)(dz.view(), back.grad(2),
                                      {.axes = 2, .extent = {rows, g.out_channels}, .reduced = {true, false}});
        }
      },
      has_slope || (g.pool && !sparse) ? Keep::output : Keep::nothing);
}

/// The weights w (kh, kw, in / groups, out) as the device reads them best, for inputs of shape x (any batch) and
/// weights that no longer change.
inline Tensor prepare_conv2d(const Shape& x, const Tensor& w, bool bias, const Conv2dOptions& options = {}) {
  const Conv2dGeometry g =
      conv2d_geometry(x, w.shape(), bias ? std::optional(Shape{w.shape()[3]}) : std::nullopt, options);
  std::int64_t size = 0;
  kernels::conv2d_prepared_size(w.device())(g, options.algorithm, &size);
  Tensor prepared = Tensor::empty({size}, w.device());
  kernels::conv2d_prepare(w.device())(w.view(), prepared.view(), g, options.algorithm);
  return prepared;
}

/// conv2d() from prepared weights, for inference: leaves no gradient. `w`: the shape of the weights; the options and
/// the height and width of x as they were prepared for. A `residual` of y's shape, which may be absent, is added before
/// the activation; it excludes the pool.
inline Tensor conv2d_prepared(const Tensor& x, const Tensor& prepared, const Shape& w, const Tensor& b,
                              const Conv2dOptions& options = {}, const Tensor& residual = {}) {
  check_float("conv2d", "x", x);
  check_same_device("conv2d", {&x, &prepared, &b, &residual});
  const Conv2dGeometry g =
      conv2d_geometry(x.shape(), w, b.defined() ? std::optional(b.shape()) : std::nullopt, options);
  std::int64_t size = 0;
  kernels::conv2d_prepared_size(x.device())(g, options.algorithm, &size);
  check(prepared.size() == size, "conv2d", "the weights were prepared for other shapes or options: ", prepared.size(),
        " values, not ", size, ". Got x=", x.shape(), ", w=", w, ".");
  Tensor y = Tensor::empty({g.batch, g.y_height(), g.y_width(), g.out_channels}, x.device());
  if (residual.defined()) {
    check_float("conv2d", "residual", residual);
    check(!g.pool && residual.shape() == y.shape(), "conv2d", "a residual must have the result's shape ", y.shape(),
          ", and no pool may follow. Got ", residual.shape(), ".");
  }
  kernels::conv2d_forward_prepared(x.device())(x.view(), prepared.view(), b.view(), residual.view(), y.view(), g,
                                               options.algorithm);
  return y;
}

}  // namespace mien
