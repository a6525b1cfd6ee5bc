// L1 and L2 penalties of a weight, or of an activity.
#include "mien/kernels/cpu/sums.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void penalty_forward(View<const float> w, View<float> penalty, float l1, float l2) {
  const auto sum_of = [&](const auto& term) {
    return block_sum<double>(w.size, elements_per_block,
                             [&](std::int64_t begin, std::int64_t end) { return sum_terms(begin, end, term); });
  };
  double total = 0;
  if (l1 != 0.0f) total += l1 * sum_of([&](std::int64_t i) { return std::fabs(w.data[i]); });
  if (l2 != 0.0f) total += l2 * sum_of([&](std::int64_t i) { return w.data[i] * w.data[i]; });
  penalty[0] = static_cast<float>(total);
}

void penalty_backward(View<const float> w, View<const float> dpenalty, View<float> dw, float l1, float l2) {
  const float first = dpenalty[0] * l1, second = dpenalty[0] * 2.0f * l2;
  parallel_elements(dw.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float value = w.data[i];
      const float sign = value > 0.0f ? 1.0f : value < 0.0f ? -1.0f : value;  // 0 stays 0, NaN stays NaN
      dw.data[i] = first * sign + second * value;
    }
  });
}

}  // namespace mien::kernels::cpu
