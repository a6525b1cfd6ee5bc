// Sums whose partition the shape fixes. Terms are added in float over short stretches, several sums side by side, and
// the stretches in double: as fast as a float sum, nearly as exact as a double one, and the same bits for any number of
// threads.
#pragma once

#include <algorithm>
#include <cstdint>
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

/// Most columns that one call of sum_columns takes.
inline constexpr std::int64_t columns_per_tile = 512;

/// Rows that one thread sums at a time, before blocks are added: enough elements to be worth handing out, and few
/// enough blocks that their sums stay small beside the data.
inline std::int64_t rows_per_block(std::int64_t columns) {
  return std::max<std::int64_t>(256, 4 * elements_per_block / std::min(columns, columns_per_tile));
}

/// total[c] = sum over rows begin … end-1, taken in order, of row_terms(row)(c), for `columns` (at most
/// columns_per_tile) columns.
template <class RowTerms>
void sum_columns(std::int64_t begin, std::int64_t end, std::int64_t columns, double* total, const RowTerms& row_terms) {
  constexpr std::int64_t stretch = 64;
  std::fill_n(total, columns, 0.0);
  for (std::int64_t first = begin; first < end; first += stretch) {
    const std::int64_t last = std::min(end, first + stretch);
    float sum[columns_per_tile];
    std::fill_n(sum, columns, 0.0f);
    for (std::int64_t row = first; row < last; ++row) {
      const auto term = row_terms(row);
      for (std::int64_t c = 0; c < columns; ++c) sum[c] += term(c);
    }
    for (std::int64_t c = 0; c < columns; ++c) total[c] += sum[c];
  }
}

}  // namespace mien::kernels::cpu
