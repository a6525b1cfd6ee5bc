// Max pooling. The place of each maximum is kept, so that the backward pass needs neither x nor y.
#include <limits>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/pool_window.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void max_pool2d_forward(View<const float> x, View<float> y, View<std::int32_t> argmax, Pool2dGeometry g) {
  const std::int64_t x_picture = std::int64_t{g.height.input} * g.width.input * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.output, [&](std::int64_t line) {
    const float* const picture = x.data + line / g.height.output * x_picture;
    for (int column = 0; column < g.width.output; ++column) {
      const std::int64_t place = (line * g.width.output + column) * g.channels;
      float* const best = y.data + place;
      std::int32_t* const tap_of_best = argmax.data + place;
      bool first = true;
      for_each_cell(g, static_cast<int>(line % g.height.output), column, [&](int tap, std::int64_t cell) {
        const float* const value = picture + cell;
        if (first) {
          std::copy_n(value, g.channels, best);
          std::fill_n(tap_of_best, g.channels, tap);
          first = false;
          return;
        }
        for (int c = 0; c < g.channels; ++c) {
          // Larger, or the window's first NaN: nothing is larger than a NaN that is already there.
          const bool better = (value[c] > best[c]) | ((value[c] != value[c]) & (best[c] == best[c]));
          best[c] = better ? value[c] : best[c];
          tap_of_best[c] = better ? tap : tap_of_best[c];
        }
      });
      if (first) {  // a window that lies in the padding alone has no maximum and passes no gradient
        std::fill_n(best, g.channels, -std::numeric_limits<float>::infinity());
        std::fill_n(tap_of_best, g.channels, -1);
      }
    }
  });
}

void max_pool2d_backward(View<const std::int32_t> argmax, View<const float> dy, View<float> dx, Pool2dGeometry g) {
  const std::int64_t y_picture = std::int64_t{g.height.output} * g.width.output * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.input, [&](std::int64_t line) {
    const std::int64_t picture = line / g.height.input * y_picture;
    for (int column = 0; column < g.width.input; ++column) {
      float* const to = dx.data + (line * g.width.input + column) * g.channels;
      std::fill_n(to, g.channels, 0.0f);
      for_each_window(g, static_cast<int>(line % g.height.input), column, [&](int tap, std::int64_t window) {
        const std::int32_t* const place = argmax.data + picture + window;
        const float* const from = dy.data + picture + window;
        for (int c = 0; c < g.channels; ++c) to[c] += place[c] == tap ? from[c] : 0.0f;
      });
    }
  });
}

}  // namespace mien::kernels::cpu
