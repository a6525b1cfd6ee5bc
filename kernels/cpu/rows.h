// Rows of neighbouring values, dealt out to threads some at a time.
//
// A row of many channels is worked on in vectors along it. Rows of few channels would leave most of a vector empty, so
// they are turned round, a batch of them at a time in the first cache, and vectors run across the rows.
#pragma once

#include <algorithm>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// Rows of fewer channels than this are turned round.
inline constexpr int channels_along_row = 32;

/// How many of them at a time.
inline constexpr std::int64_t rows_across = 64;

/// A batch of rows turned round: value[c * rows_across + row].
struct Columns {
  alignas(64) float value[channels_along_row * rows_across];

  float* operator[](int channel) { return value + channel * rows_across; }
  void take(const float* rows, std::int64_t count, int channels) {
    for (int c = 0; c < channels; ++c)
      for (std::int64_t row = 0; row < count; ++row) value[c * rows_across + row] = rows[row * channels + c];
  }
  void give(float* rows, std::int64_t count, int channels) const {
    for (int c = 0; c < channels; ++c)
      for (std::int64_t row = 0; row < count; ++row) rows[row * channels + c] = value[c * rows_across + row];
  }
};

/// Calls across(first row, count) for batches of rows of few channels, along(row) for each row of many.
template <class Across, class Along>
void for_each_row(const RowsGeometry& g, const Across& across, const Along& along) {
  if (g.channels < channels_along_row) {
    parallel_blocks(g.rows, 4 * rows_across, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; row += rows_across) across(row, std::min(rows_across, end - row));
    });
  } else {
    const std::int64_t rows = std::max<std::int64_t>(1, elements_per_block / g.channels);
    parallel_blocks(g.rows, rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) along(row);
    });
  }
}

}  // namespace mien::kernels::cpu
