// The cross-entropy between targets and softmax(logits), row by row, straight from the logits: nothing is clipped.
//
//   loss = weight * sum over classes of target * (log sum exp(logits) - logit)
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/affine.h"
#include "mien/core/ops/argmax.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/rows.h"

namespace mien {

struct CrossEntropyOptions {
  float label_smoothing = 0.0f;  ///< this much of each target is spread evenly over the classes
  Tensor class_weights = {};     ///< (classes): each row's loss is multiplied by its class's weight
  Tensor sample_weights = {};    ///< one number a row: multiplied as well
};

/// Throws unless every label is one of 0 … classes-1. Labels on a GPU are not looked at, since the host would wait for
/// the device at each step: there the loss of such a row is NaN.
inline void check_labels(const char* op, const Tensor& labels, int classes) {
  if (labels.device() == Device::cuda) return;
  const View<const std::int32_t> values = labels.view<std::int32_t>();
  for (std::int64_t i = 0; i < values.size; ++i)
    check(values.data[i] >= 0 && values.data[i] < classes, op, "labels must be 0 to ", classes - 1, ". Got ",
          values.data[i], " at place ", i, ".");
}

/// Targets as shares of shape (..., classes), label smoothing applied.
inline Tensor target_shares(const Tensor& targets, const Shape& logits, const RowsGeometry& g, float smoothing) {
  if (targets.dtype() == DType::int32) {
    Tensor shares = Tensor::empty(logits, targets.device());
    kernels::one_hot(targets.device())(targets.view<std::int32_t>(), shares.view(), g, smoothing);
    return shares;
  }
  if (smoothing == 0) return targets;
  return affine(targets, 1.0f - smoothing, smoothing / static_cast<float>(g.channels));
}

/// The weight of each row: its class's (of shares: the largest's) times its own; absent where neither is asked for.
inline Tensor row_weights(const char* op, const Tensor& targets, const Shape& rows, int classes,
                          const CrossEntropyOptions& options) {
  Tensor weights;
  if (options.class_weights.defined()) {
    check_float(op, "class_weights", options.class_weights);
    check(options.class_weights.shape() == Shape{classes}, op, "class_weights must have one number for each of the ",
          classes, " classes. Got class_weights=", options.class_weights.shape(), ".");
    const Tensor labels = targets.dtype() == DType::int32 ? targets : argmax(targets);
    weights = Tensor::empty(rows, targets.device());
    kernels::gather(targets.device())(options.class_weights.view(), labels.view<std::int32_t>(), weights.view());
  }
  if (!options.sample_weights.defined()) return weights;
  check_float(op, "sample_weights", options.sample_weights);
  check(options.sample_weights.shape() == rows, op, "sample_weights must have one number a row, ", rows,
        ". Got sample_weights=", options.sample_weights.shape(), ".");
  return weights.defined() ? multiply(weights, options.sample_weights.detach()) : options.sample_weights;
}

/// The loss of each row of logits (..., classes): shape (...). `targets` are class numbers, int32 of shape (...), or
/// shares, float32 of shape (..., classes). Their mean is Keras's loss: weights do not enter its count. The gradient
/// goes to the logits alone.
inline Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& targets,
                                    const CrossEntropyOptions& options = {}) {
  const char* const op = "softmax_cross_entropy";
  check_float(op, "logits", logits);
  check(targets.defined(), op, "targets are missing.");
  check_same_device(op, {&logits, &targets, &options.class_weights, &options.sample_weights});
  const RowsGeometry g = rows_geometry(op, logits.shape());
  const Shape rows = shape_of_rows(logits.shape());
  const float smoothing = options.label_smoothing;
  check(smoothing >= 0 && smoothing < 1, op, "label_smoothing must be at least 0 and below 1. Got ", smoothing, ".");
  const bool are_labels = targets.dtype() == DType::int32;
  check(are_labels || targets.dtype() == DType::float32, op, "targets must be int32 labels or float32 shares. Got ",
        targets.dtype(), ".");
  check(targets.shape() == (are_labels ? rows : logits.shape()), op, are_labels ? "labels" : "targets",
        " must have the shape ", are_labels ? rows : logits.shape(), ". Got logits=", logits.shape(),
        ", targets=", targets.shape(), ".");
  if (are_labels) check_labels(op, targets, g.channels);

  const Tensor shares = target_shares(targets.detach(), logits.shape(), g, smoothing);
  const Tensor weights = row_weights(op, targets.detach(), rows, g.channels, options).detach();
  Tensor loss = Tensor::empty(rows, logits.device());
  kernels::softmax_cross_entropy_forward(logits.device())(logits.view(), shares.view(), weights.view(), loss.view(), g);
  return record(op, loss, {logits}, [g, logits = logits.detach(), shares, weights](Backward& back) {
    kernels::softmax_cross_entropy_backward(back.device())(logits.view(), shares.view(), weights.view(), back.dy(),
                                                           back.grad(0), g);
  });
}

}  // namespace mien
