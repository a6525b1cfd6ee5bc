// The mean of the squared differences over the last axis.
#pragma once

#include "mien/core/ops/binary.h"
#include "mien/core/ops/reduce.h"

namespace mien {

/// mean((prediction - target)^2) of each row of the last axis: the shape of both, without that axis.
inline Tensor mean_squared_error(const Tensor& prediction, const Tensor& target) {
  const char* const op = "mean_squared_error";
  check_float(op, "prediction", prediction);
  check_float(op, "target", target);
  check(prediction.shape() == target.shape() && target.shape().rank() >= 1, op,
        "both must have the same shape, of at least one axis. Got prediction=", prediction.shape(),
        ", target=", target.shape(), ".");
  const Tensor difference = subtract(prediction, target);
  return mean(multiply(difference, difference), {-1});
}

}  // namespace mien
