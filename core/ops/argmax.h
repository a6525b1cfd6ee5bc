// The place of the largest value of each row.
#pragma once

#include "mien/core/check.h"
#include "mien/core/ops/rows.h"

namespace mien {

/// Of each row of the last axis the place of its first largest value, as int32; a row with a NaN gives the NaN's place.
/// Shape: that of x without its last axis. Has no gradient.
inline Tensor argmax(const Tensor& x) {
  check_float("argmax", "x", x);
  const RowsGeometry g = rows_geometry("argmax", x.shape());
  Tensor index = Tensor::empty(shape_of_rows(x.shape()), x.device(), DType::int32);
  kernels::argmax_rows(x.device())(x.view(), index.view<std::int32_t>(), g);
  return index;
}

}  // namespace mien
