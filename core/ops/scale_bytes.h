// Pixels to numbers: uint8 images become float32 on the device that will compute with them.
#pragma once

#include "mien/core/check.h"

namespace mien {

/// y = scale * x + offset, of a uint8 tensor; y is float32 and has x's shape. Has no gradient.
inline Tensor scale_bytes(const Tensor& x, float scale, float offset = 0.0f) {
  check_dtype("scale_bytes", "x", x, DType::uint8);
  Tensor y = Tensor::empty(x.shape(), x.device());
  kernels::scale_bytes(x.device())(x.view<std::uint8_t>(), y.view(), scale, offset);
  return y;
}

}  // namespace mien
