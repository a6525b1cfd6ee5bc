// Sums whose partition the shape fixes. Terms are added in float over short stretches, several sums side by side, and
// the stretches in double: as fast as a float sum, nearly as exact as a double one, and the same bits for any number of
// threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {

/// A buffer of `size` doubles of the calling thread, one for each `Owner` type; kept from call to call.
template <class Owner>
double* thread_doubles(std::int64_t size) {
  static thread_local std::vector<double> storage;
  if (static_cast<std::int64_t>(storage.size()) < size) storage.resize(static_cast<std::size_t>(size));
  return storage.data();
}

/// Sum of term(i), i in begin … end-1. Sixteen float sums side by side, taken into double every 1024 terms.
template <class Term>
double sum_terms(std::int64_t begin, std::int64_t end, const Term& term) {
  constexpr std::int64_t lanes = 16, stretch = 1024;
  double total = 0;
  for (std::int64_t first = begin; first < end; first += stretch) {
    const std::int64_t last = std::min(end, first + stretch);
    float sum[lanes] = {};
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes)
      for (std::int64_t lane = 0; lane < lanes; ++lane) sum[lane] += term(i + lane);
    for (std::int64_t lane = 0; i < last; ++i, ++lane) sum[lane] += term(i);
    for (const float value : sum) total += value;
  }
  return total;
}

/// Most columns that are summed side by side.
inline constexpr std::int64_t columns_per_tile = 512;

/// Rows that one thread sums at a time, before blocks are added: enough elements to be worth handing out, and few
/// enough blocks that their sums stay small beside the data.
inline std::int64_t rows_per_block(std::int64_t columns) {
  return std::max<std::int64_t>(256, 4 * elements_per_block / std::min(columns, columns_per_tile));
}

/// How many narrow rows are taken together as one wide row, so that they fill vectors: as many as make about 256
/// columns and, where that can be had within a tile, whole vectors of 16; 1 where rows are wide enough.
inline std::int64_t rows_side_by_side(std::int64_t columns) {
  constexpr std::int64_t lanes = 16, wide_enough = 256;
  const std::int64_t whole = lanes / std::gcd(columns, lanes);  // so many rows are whole vectors
  if (columns >= wide_enough || (columns >= wide_enough / 2 && whole == 1)) return 1;
  if (columns * whole > columns_per_tile) return columns_per_tile / columns;
  return whole * std::max<std::int64_t>(1, wide_enough / (columns * whole));
}

/// Rows of data to sum down: `rows` of them, `step` elements apart, the first at `place`, each of `columns` values.
struct RowBlock {
  std::int64_t place, step, rows, columns;
  std::int64_t side_by_side = 1;  ///< rows_side_by_side(columns) where rows follow one another without a gap
};

}  // namespace mien::kernels::cpu
