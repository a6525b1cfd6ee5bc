// Pixels repeated over blocks of a larger picture (nearest-neighbour up-sampling), and the sum of each block that is
// its gradient. One line of the result is one piece of work, so no sum is shared between threads.
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/short_copy.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void up_sampling2d_forward(View<const float> x, View<float> y, UpSampling2dGeometry g) {
  const std::int64_t x_line = std::int64_t{g.width} * g.channels, y_line = x_line * g.columns;
  parallel_for(std::int64_t{g.batch} * g.y_height(), [&](std::int64_t line) {
    const float* const from = x.data + line / g.rows * x_line;  // lines of a batch follow one another: one division
    float* const to = y.data + line * y_line;
    std::int64_t column = 0;  // of y
    for (std::int64_t pixel = 0; pixel < g.width; ++pixel)
      for (int copy = 0; copy < g.columns; ++copy, ++column)
        copy_short(from + pixel * g.channels, g.channels, to + column * g.channels);
  });
}

void up_sampling2d_backward(View<const float> dy, View<float> dx, UpSampling2dGeometry g) {
  const std::int64_t x_line = std::int64_t{g.width} * g.channels, y_line = x_line * g.columns;
  parallel_for(std::int64_t{g.batch} * g.height, [&](std::int64_t line) {
    float* const to = dx.data + line * x_line;
    std::fill_n(to, x_line, 0.0f);
    for (std::int64_t row = 0; row < g.rows; ++row) {
      const float* const from = dy.data + (line * g.rows + row) * y_line;
      std::int64_t column = 0;  // of y
      for (std::int64_t pixel = 0; pixel < g.width; ++pixel)
        for (int copy = 0; copy < g.columns; ++copy, ++column)
          add_short(from + column * g.channels, g.channels, to + pixel * g.channels);
    }
  });
}

}  // namespace mien::kernels::cpu
