// Inverted dropout (Srivastava et al., 2014): each element is dropped with probability `rate`, what stays is scaled by
// 1 / (1 - rate), so that inference needs nothing.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// y of x's shape. The mask is a function of (seed, stream + step, place) alone: it is drawn again for the gradient and
/// never stored. `step` is one int32 on x's device, because a recorded step is replayed with another number in it; it
/// must not change between forward and backward pass. `stream` tells dropout layers apart (random.h, stream_of).
inline Tensor dropout(const Tensor& x, float rate, const Tensor& step, std::uint64_t seed, std::uint64_t stream) {
  check_float("dropout", "x", x);
  check(rate >= 0 && rate < 1, "dropout", "rate must be at least 0 and below 1. Got ", rate, ".");
  if (rate == 0) return x;
  check_dtype("dropout", "step", step, DType::int32);
  check(step.size() == 1, "dropout", "step must have one element. Got step=", step.shape(), ".");
  check_same_device("dropout", {&x, &step});
  const DropoutGeometry g{.rate = rate, .seed = seed, .stream = stream};
  Tensor y = Tensor::empty(x.shape(), x.device());
  kernels::dropout(x.device())(x.view(), step.view<std::int32_t>(), y.view(), g);
  return record("dropout", y, {x}, [g, step](Backward& back) {
    kernels::dropout(back.device())(back.dy(), step.view<std::int32_t>(), back.grad(0), g);
  });
}

}  // namespace mien
