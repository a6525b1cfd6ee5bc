// The convolution as plain loops: the definition, for reading, and for checking the others against. Threads share the
// outermost loop; every sum is one chain in the order of the loops.
#include <algorithm>

#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Where the weight of a tap between input channel `in` of its group and output channel `out` lies.
std::int64_t weight_place(const Conv2dGeometry& g, int tap_row, int tap_column, int in, int out) {
  return ((std::int64_t{tap_row} * g.width.kernel + tap_column) * g.in_per_group() + in) * g.out_channels + out;
}

/// One value before the pool: activation(sum + bias).
float activated(const float* x, const float* w, const float* bias, const Conv2dGeometry& g, int row, int column,
                int out) {
  const int in_begin = out / g.out_per_group() * g.in_per_group();
  float sum = 0.0f;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int x_row = g.height.cell(row, i), x_column = g.width.cell(column, j);
      if (!g.height.inside(x_row) || !g.width.inside(x_column)) continue;
      const float* const cell = x + (std::int64_t{x_row} * g.width.input + x_column) * g.in_channels + in_begin;
      for (int in = 0; in < g.in_per_group(); ++in) sum += cell[in] * w[weight_place(g, i, j, in, out)];
    }
  return activate(g.bias ? sum + bias[out] : sum, g.activation);
}

}  // namespace

void conv2d_forward_reference(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                              View<std::uint8_t> argmax, const Conv2dGeometry& g) {
  const std::int64_t x_image = std::int64_t{g.height.input} * g.width.input * g.in_channels;
  parallel_for(std::int64_t{g.batch} * g.y_height(), [&](std::int64_t line) {
    const float* const image = x.data + line / g.y_height() * x_image;
    const int row = static_cast<int>(line % g.y_height());
    for (int column = 0; column < g.y_width(); ++column)
      for (int out = 0; out < g.out_channels; ++out) {
        const std::int64_t place = (line * g.y_width() + column) * g.out_channels + out;
        if (!g.pool) {
          y.data[place] = activated(image, w.data, bias.data, g, row, column, out);
          continue;
        }
        float maximum = 0.0f;
        int first = 0;
        for (int tap = 0; tap < 4; ++tap) {
          const float value = activated(image, w.data, bias.data, g, 2 * row + tap / 2, 2 * column + tap % 2, out);
          const bool first_nan = std::isnan(value) && !std::isnan(maximum);
          if (tap == 0 || value > maximum || first_nan) maximum = value, first = tap;
        }
        y.data[place] = maximum;
        if (!argmax.empty())
          argmax.data[place] =
              activation_slope(maximum, g.activation) == 0.0f ? argmax_killed : static_cast<std::uint8_t>(first);
      }
  });
}

void conv2d_backward_input_reference(View<const float> dz, View<const float> w, View<float> dx,
                                     const Conv2dGeometry& g) {
  parallel_for(std::int64_t{g.batch} * g.height.input, [&](std::int64_t line) {
    const std::int64_t image = line / g.height.input;
    const int x_row = static_cast<int>(line % g.height.input);
    for (int x_column = 0; x_column < g.width.input; ++x_column)
      for (int channel = 0; channel < g.in_channels; ++channel) {
        const int group = channel / g.in_per_group(), in = channel % g.in_per_group();
        float sum = 0.0f;
        for (int i = 0; i < g.height.kernel; ++i)
          for (int j = 0; j < g.width.kernel; ++j) {
            const int row = x_row - g.height.cell(0, i), column = x_column - g.width.cell(0, j);
            if (row < 0 || row % g.height.stride || row / g.height.stride >= g.height.output) continue;
            if (column < 0 || column % g.width.stride || column / g.width.stride >= g.width.output) continue;
            const float* const cell = dz.data + ((image * g.height.output + row / g.height.stride) * g.width.output +
                                                 column / g.width.stride) *
                                                    g.out_channels;
            for (int out = group * g.out_per_group(); out < (group + 1) * g.out_per_group(); ++out)
              sum += cell[out] * w.data[weight_place(g, i, j, in, out)];
          }
        dx.data[(line * g.width.input + x_column) * g.in_channels + channel] = sum;
      }
  });
}

void conv2d_backward_weights_reference(View<const float> x, View<const float> dz, View<float> dw,
                                       const Conv2dGeometry& g) {
  parallel_for(std::int64_t{g.height.kernel} * g.width.kernel * g.in_per_group(), [&](std::int64_t line) {
    const int in = static_cast<int>(line % g.in_per_group()), tap = static_cast<int>(line / g.in_per_group());
    float* const to = dw.data + line * g.out_channels;
    std::fill_n(to, g.out_channels, 0.0f);
    for (int image = 0; image < g.batch; ++image)
      for (int row = 0; row < g.height.output; ++row)
        for (int column = 0; column < g.width.output; ++column) {
          const int x_row = g.height.cell(row, tap / g.width.kernel);
          const int x_column = g.width.cell(column, tap % g.width.kernel);
          if (!g.height.inside(x_row) || !g.width.inside(x_column)) continue;
          const float* const cell =
              x.data + ((std::int64_t{image} * g.height.input + x_row) * g.width.input + x_column) * g.in_channels;
          const float* const gradient =
              dz.data + ((std::int64_t{image} * g.height.output + row) * g.width.output + column) * g.out_channels;
          for (int out = 0; out < g.out_channels; ++out)
            to[out] += cell[out / g.out_per_group() * g.in_per_group() + in] * gradient[out];
        }
  });
}

}  // namespace mien::kernels::cpu
