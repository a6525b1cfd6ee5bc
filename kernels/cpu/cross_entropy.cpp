// Softmax cross-entropy from logits, and what turns labels into its targets and weights.
#include <cmath>
#include <limits>

#include "mien/kernels/cpu/rows.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// The largest of a row, and log of the sum of exp(logit - largest).
struct RowScale {
  double largest, log_sum;
};

RowScale scale_of(const float* logits, int channels) {
  const double largest = *std::max_element(logits, logits + channels);
  double sum = 0;
  for (int c = 0; c < channels; ++c) sum += std::exp(logits[c] - largest);
  return {largest, std::log(sum)};
}

}  // namespace

void one_hot(View<const std::int32_t> labels, View<float> targets, RowsGeometry g, float smoothing) {
  const float elsewhere = smoothing / static_cast<float>(g.channels);
  for_each_row(g, [&](std::int64_t row) {
    const bool is_class = labels.data[row] >= 0 && labels.data[row] < g.channels;
    for (int c = 0; c < g.channels; ++c)
      targets.data[row * g.channels + c] = !is_class               ? not_a_number
                                           : c == labels.data[row] ? 1.0f - smoothing + elsewhere
                                                                   : elsewhere;
  });
}

void softmax_cross_entropy_forward(View<const float> logits, View<const float> targets, View<const float> weights,
                                   View<float> loss, RowsGeometry g) {
  for_each_row(g, [&](std::int64_t row) {
    const float* const from = logits.data + row * g.channels;
    const float* const target = targets.data + row * g.channels;
    const RowScale scale = scale_of(from, g.channels);
    double sum = 0;
    for (int c = 0; c < g.channels; ++c) sum += target[c] * (scale.log_sum - (from[c] - scale.largest));
    loss.data[row] = static_cast<float>(weights.empty() ? sum : weights.data[row] * sum);
  });
}

void softmax_cross_entropy_backward(View<const float> logits, View<const float> targets, View<const float> weights,
                                    View<const float> dloss, View<float> dlogits, RowsGeometry g) {
  // dlogits = dloss * weight * (softmax(logits) * sum(targets) - targets)
  for_each_row(g, [&](std::int64_t row) {
    const float* const from = logits.data + row * g.channels;
    const float* const target = targets.data + row * g.channels;
    const RowScale scale = scale_of(from, g.channels);
    const double upstream = static_cast<double>(dloss.data[row]) * (weights.empty() ? 1.0f : weights.data[row]);
    double total = 0;
    for (int c = 0; c < g.channels; ++c) total += target[c];
    for (int c = 0; c < g.channels; ++c) {
      const double share = std::exp(from[c] - scale.largest - scale.log_sum);
      dlogits.data[row * g.channels + c] = static_cast<float>(upstream * (share * total - target[c]));
    }
  });
}

void gather(View<const float> table, View<const std::int32_t> index, View<float> y) {
  for (std::int64_t i = 0; i < y.size; ++i) {
    const std::int32_t place = index.data[i];
    y.data[i] = place >= 0 && place < table.size ? table.data[place] : not_a_number;
  }
}

}  // namespace mien::kernels::cpu
