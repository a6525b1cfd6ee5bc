// Average pooling over the cells inside the picture, as Keras has it: padding does not count.
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/pool_window.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void average_pool2d_forward(View<const float> x, View<float> y, Pool2dGeometry g) {
  const std::int64_t x_picture = std::int64_t{g.height.input} * g.width.input * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.output, [&](std::int64_t line) {
    const int row = static_cast<int>(line % g.height.output);
    const float* const picture = x.data + line / g.height.output * x_picture;
    const int rows = cells_inside(g.height, row);
    for (int column = 0; column < g.width.output; ++column) {
      float* const mean = y.data + (line * g.width.output + column) * g.channels;
      std::fill_n(mean, g.channels, 0.0f);
      for_each_cell(g, row, column, [&](int, std::int64_t cell) {
        for (int c = 0; c < g.channels; ++c) mean[c] += picture[cell + c];
      });
      const int cells = rows * cells_inside(g.width, column);
      const float scale = cells > 0 ? 1.0f / static_cast<float>(cells) : 0.0f;
      for (int c = 0; c < g.channels; ++c) mean[c] *= scale;
    }
  });
}

void average_pool2d_backward(View<const float> dy, View<float> dx, Pool2dGeometry g) {
  const std::int64_t y_picture = std::int64_t{g.height.output} * g.width.output * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.input, [&](std::int64_t line) {
    const float* const picture = dy.data + line / g.height.input * y_picture;
    for (int column = 0; column < g.width.input; ++column) {
      float* const to = dx.data + (line * g.width.input + column) * g.channels;
      std::fill_n(to, g.channels, 0.0f);
      for_each_window(g, static_cast<int>(line % g.height.input), column, [&](int, std::int64_t window) {
        const std::int64_t position = window / g.channels;
        const int cells = cells_inside(g.height, static_cast<int>(position / g.width.output)) *
                          cells_inside(g.width, static_cast<int>(position % g.width.output));
        const float scale = 1.0f / static_cast<float>(cells);
        for (int c = 0; c < g.channels; ++c) to[c] += picture[window + c] * scale;
      });
    }
  });
}

}  // namespace mien::kernels::cpu
