// Batch normalisation (Ioffe and Szegedy, 2015) over the last axis, as Keras does it.
//
//   y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/rows.h"

namespace mien {

/// Where mean and variance come from.
enum class BatchNormMode : std::uint8_t {
  training,   ///< from the batch; the moving averages follow
  inference,  ///< from the moving averages
  frozen,     ///< the same while the network trains: a layer that is not trainable
};

struct BatchNormOptions {
  float epsilon = 1e-3f;
  float momentum = 0.99f;  ///< moving = momentum * moving + (1 - momentum) * batch
  BatchNormMode mode = BatchNormMode::training;
};

/// y of x's shape (..., channels). gamma, beta, moving_mean and moving_variance are (channels); gamma and beta may be
/// absent (1 and 0). Training updates the moving averages, where they are there, with the batch's mean and biased
/// variance.
inline Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor moving_mean,
                         Tensor moving_variance, const BatchNormOptions& options = {}) {
  const char* const op = "batch_norm";
  check_float(op, "x", x);
  check_same_device(op, {&x, &gamma, &beta, &moving_mean, &moving_variance});
  const RowsGeometry g = rows_geometry(op, x.shape());
  const auto check_channels = [&](const char* role, const Tensor& tensor) {
    if (!tensor.defined()) return;
    check_float(op, role, tensor);
    check(tensor.shape() == Shape{g.channels}, op, role, " must have one number for each of the ", g.channels,
          " channels. Got x=", x.shape(), ", ", role, "=", tensor.shape(), ".");
  };
  check_channels("gamma", gamma);
  check_channels("beta", beta);
  check_channels("moving_mean", moving_mean);
  check_channels("moving_variance", moving_variance);
  const bool training = options.mode == BatchNormMode::training;
  check(training || (moving_mean.defined() && moving_variance.defined()), op,
        "inference needs the moving mean and variance.");
  check(options.epsilon > 0, op, "epsilon must be above 0. Got ", options.epsilon, ".");

  const Device device = x.device();
  Tensor y = Tensor::empty(x.shape(), device), mean = moving_mean, variance = moving_variance;
  if (training) {
    mean = Tensor::empty({g.channels}, device);
    variance = Tensor::empty({g.channels}, device);
    kernels::batch_norm_forward(device)(x.view(), gamma.view(), beta.view(), y.view(), mean.view(), variance.view(), g,
                                        options.epsilon);
    const auto follow = kernels::moving_average(device);
    if (moving_mean.defined()) follow(std::as_const(mean).view(), moving_mean.view(), options.momentum);
    if (moving_variance.defined()) follow(std::as_const(variance).view(), moving_variance.view(), options.momentum);
  } else {
    kernels::batch_norm_inference(device)(x.view(), gamma.view(), beta.view(), std::as_const(mean).view(),
                                          std::as_const(variance).view(), y.view(), g, options.epsilon);
  }
  return record(op, y, {x, gamma, beta},
                [g, training, epsilon = options.epsilon, x = x.detach(), gamma = gamma.detach(), mean = mean.detach(),
                 variance = variance.detach()](Backward& back) {
                  kernels::batch_norm_backward(back.device())(x.view(), gamma.view(), mean.view(), variance.view(),
                                                              back.dy(), back.grad(0), back.grad(1), back.grad(2), g,
                                                              epsilon, !training);
                });
}

}  // namespace mien
