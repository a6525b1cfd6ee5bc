// What is done to gradients before a step: their norm, whether they are finite, clipping.
#include <atomic>
#include <bit>
#include <cmath>

#include "mien/kernels/cpu/sums.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void sum_of_squares(View<const float> x, View<float> y) {
  y[0] = static_cast<float>(block_sum<double>(x.size, elements_per_block, [&](std::int64_t begin, std::int64_t end) {
    return sum_terms(begin, end, [&](std::int64_t i) { return x.data[i] * x.data[i]; });
  }));
}

void note_finite(View<const float> x, View<float> state) {
  std::atomic<bool> finite{true};
  parallel_elements(x.size, [&](std::int64_t begin, std::int64_t end) {
    // All ones in the exponent: an infinity or a NaN. In integers, because they may be or-ed in any order.
    constexpr std::uint32_t exponent = 0x7f800000u;
    std::uint32_t found = 0;
    for (std::int64_t i = begin; i < end; ++i)
      found |= (std::bit_cast<std::uint32_t>(x.data[i]) & exponent) == exponent ? 1u : 0u;
    if (found != 0) finite.store(false, std::memory_order_relaxed);
  });
  if (!finite) state[state_finite] = 0.0f;
}

void clip_values(View<const float> x, View<float> y, float limit) {
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float value = x.data[i];
      y.data[i] = value < -limit ? -limit : value > limit ? limit : value;
    }
  });
}

void clip_norm(View<const float> x, View<const float> squares, View<float> y, float limit) {
  const float norm = std::sqrt(squares[0]);
  const float factor = norm <= limit ? 1.0f : limit / norm;  // a NaN norm gives NaN
  parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y.data[i] = x.data[i] * factor;
  });
}

}  // namespace mien::kernels::cpu
