// Copies of a few neighbours: the channels of a pixel, a band of a row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace mien::kernels::cpu {

/// to[i] = from[i], i in 0 … count-1. A short copy is made in place, where a call of memmove would cost more than it.
inline void copy_short(const float* from, std::int64_t count, float* to) {
  constexpr std::int64_t worth_a_call = 64, vector = 4;
  if (count >= worth_a_call) {
    std::copy_n(from, count, to);
    return;
  }
  std::int64_t i = 0;
  for (; i + vector <= count; i += vector) std::memcpy(to + i, from + i, vector * sizeof(float));
  if (i < count) to[i] = from[i];
  if (i + 1 < count) to[i + 1] = from[i + 1];
  if (i + 2 < count) to[i + 2] = from[i + 2];
}

/// to[i] += from[i], i in 0 … count-1.
inline void add_short(const float* from, std::int64_t count, float* to) {
  constexpr std::int64_t worth_a_check = 16, vector = 4;  // of overlap, before the compiler's own vectors
  std::int64_t i = 0;
  for (; count < worth_a_check && i + vector <= count; i += vector) {
    float sum[vector];
    for (std::int64_t k = 0; k < vector; ++k) sum[k] = to[i + k] + from[i + k];
    std::memcpy(to + i, sum, sizeof sum);
  }
  for (; i < count; ++i) to[i] += from[i];
}

}  // namespace mien::kernels::cpu
