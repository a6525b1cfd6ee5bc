// A tensor seen as rows of its last axis: what dense layers, normalisations and losses work on.
#pragma once

#include "mien/core/check.h"
#include "mien/core/shape.h"
#include "mien/kernels/geometry.h"

namespace mien {

/// The rows of a shape of at least one axis: (2,8,8,3) is 128 rows of 3 channels.
inline RowsGeometry rows_geometry(const char* op, const Shape& shape) {
  check(shape.rank() >= 1, op, "needs at least one axis. Got a scalar.");
  const int channels = narrow(shape[-1], op);
  return {.rows = channels > 0 ? shape.size() / channels : 0, .channels = channels};
}

/// The shape without its last axis: one number for each row.
inline Shape shape_of_rows(const Shape& shape) {
  Shape result;
  for (int i = 0; i + 1 < shape.rank(); ++i) result.append(shape[i]);
  return result;
}

}  // namespace mien
