// The last axis back to front: RGB becomes BGR, which networks trained with Caffe want.
#pragma once

#include "mien/core/autograd.h"
#include "mien/core/check.h"

namespace mien {

/// x with its channels in the opposite order, outside any graph.
inline Tensor reversed_channels(const Tensor& x) {
  const std::int64_t channels = x.shape()[-1], rows = x.size() / channels;
  Tensor y = Tensor::empty(x.shape(), x.device()), channel = Tensor::empty({rows}, x.device());
  for (std::int64_t i = 0; i < channels; ++i) {
    kernels::read_band(x.device())(x.view(), channel.view(), {.outer = rows, .wide = channels, .offset = i});
    kernels::write_band(x.device())(channel.view(), y.view(),
                                    {.outer = rows, .wide = channels, .offset = channels - 1 - i});
  }
  return y;
}

/// y (…, channels) from x of the same shape.
inline Tensor reverse_channels(const Tensor& x) {
  check_float("reverse_channels", "x", x);
  check(x.shape().rank() >= 1 && x.size() > 0, "reverse_channels", "x must have channels. Got x=", x.shape(), ".");
  return record("reverse_channels", reversed_channels(x), {x},
                [](Backward& back) { back.set_grad(0, reversed_channels(back.dy_tensor())); });
}

}  // namespace mien
