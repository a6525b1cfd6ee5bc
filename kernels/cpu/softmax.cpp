// Softmax of each row, its gradient, and the largest of each row.
#include <cmath>

#include "mien/kernels/cpu/rows.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void softmax_forward(View<const float> x, View<float> y, RowsGeometry g) {
  for_each_row(g, [&](std::int64_t row) {
    const float* const from = x.data + row * g.channels;
    float* const to = y.data + row * g.channels;
    // The largest goes to exp(0): nothing overflows. A NaN that the search passes over comes back through its own exp.
    const float largest = *std::max_element(from, from + g.channels);
    double sum = 0;
    for (int c = 0; c < g.channels; ++c) sum += to[c] = std::exp(from[c] - largest);
    for (int c = 0; c < g.channels; ++c) to[c] = static_cast<float>(to[c] / sum);
  });
}

void softmax_backward(View<const float> y, View<const float> dy, View<float> dx, RowsGeometry g) {
  // dx = y * (dy - sum(y * dy))
  for_each_row(g, [&](std::int64_t row) {
    const float* const share = y.data + row * g.channels;
    const float* const from = dy.data + row * g.channels;
    double mean = 0;
    for (int c = 0; c < g.channels; ++c) mean += static_cast<double>(share[c]) * from[c];
    for (int c = 0; c < g.channels; ++c)
      dx.data[row * g.channels + c] = static_cast<float>(share[c] * (from[c] - mean));
  });
}

void argmax_rows(View<const float> x, View<std::int32_t> index, RowsGeometry g) {
  for_each_row(g, [&](std::int64_t row) {
    const float* const from = x.data + row * g.channels;
    int best = 0;
    for (int c = 1; c < g.channels && !std::isnan(from[best]); ++c)
      if (from[c] > from[best] || std::isnan(from[c])) best = c;
    index.data[row] = best;
  });
}

}  // namespace mien::kernels::cpu
