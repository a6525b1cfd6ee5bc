// Rows of neighbouring values, dealt out to threads some at a time.
#pragma once

#include <algorithm>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// Calls body(row) for every row, as many rows to a block as fill it.
template <class Body>
void for_each_row(const RowsGeometry& g, const Body& body) {
  const std::int64_t rows = std::max<std::int64_t>(1, elements_per_block / std::max(g.channels, 1));
  parallel_blocks(g.rows, rows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row);
  });
}

}  // namespace mien::kernels::cpu
