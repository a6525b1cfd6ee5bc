// The convolution's kernels: which algorithm runs, and the backward pass of its epilogue.
#include "mien/kernels/algorithm.h"
#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry&) { return Conv2dAlgorithm::reference; }

void conv2d_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                    View<std::uint8_t> argmax, Conv2dGeometry g, Conv2dAlgorithm) {
  conv2d_forward_reference(x, w, bias, y, argmax, g);
}

void conv2d_backward_input(View<const float> dz, View<const float> w, View<float> dx, Conv2dGeometry g,
                           Conv2dAlgorithm) {
  conv2d_backward_input_reference(dz, w, dx, g);
}

void conv2d_backward_weights(View<const float> x, View<const float> dz, View<float> dw, Conv2dGeometry g,
                             Conv2dAlgorithm) {
  conv2d_backward_weights_reference(x, dz, dw, g);
}

void conv2d_epilogue_backward(View<const float> y, View<const std::uint8_t> argmax, View<const float> dy,
                              View<float> dz, Conv2dGeometry g) {
  if (!g.pool) {
    return parallel_elements(y.size, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) dz.data[i] = dy.data[i] * activation_slope(y.data[i], g.activation);
    });
  }
  // One row of dz at a time: a value that the pool took gets the gradient, all others (also those of an odd last row
  // or column, which no window covers) get zero.
  parallel_for(std::int64_t{g.batch} * g.height.output, [&](std::int64_t line) {
    const std::int64_t image = line / g.height.output, row = line % g.height.output;
    float* const to = dz.data + line * g.width.output * g.out_channels;
    if (row / 2 >= g.y_height()) return std::fill_n(to, std::int64_t{g.width.output} * g.out_channels, 0.0f), void();
    const std::int64_t from = (image * g.y_height() + row / 2) * g.y_width() * g.out_channels;
    for (int column = 0; column < g.width.output; ++column)
      for (int channel = 0; channel < g.out_channels; ++channel) {
        const std::int64_t place = from + std::int64_t{column / 2} * g.out_channels + channel;
        const bool taken = column / 2 < g.y_width() && argmax.data[place] == 2 * (row % 2) + column % 2;
        to[column * g.out_channels + channel] =
            taken ? dy.data[place] * activation_slope(y.data[place], g.activation) : 0.0f;
      }
  });
}

}  // namespace mien::kernels::cpu
