// The convolution's forward pass and input gradient as correlations (conv2d_correlate.h).
#include <algorithm>
#include <numeric>
#include <vector>

#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/conv2d_correlate.h"
#include "mien/kernels/cpu/conv2d_packing.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// One axis of the input gradient for the input cells that leave remainder `remainder` when divided by the stride.
/// Cell = stride * q + remainder gets its gradient through tap t from position q + (remainder + padding - t * dilation)
/// / stride, where that division leaves nothing: every `period`th tap from some first on, or none.
struct GradientAxis {
  TapAxis taps;
  KernelAxis kernel;
};

GradientAxis gradient_axis(const WindowAxis& axis, int remainder) {
  const int period = axis.stride / std::gcd(axis.stride, axis.dilation);
  const auto shift = [&](int tap) { return remainder + axis.padding_begin - tap * axis.dilation; };
  int first_tap = 0;
  while (first_tap < std::min(period, axis.kernel) && shift(first_tap) % axis.stride != 0) ++first_tap;
  const bool none = first_tap == std::min(period, axis.kernel);
  const int count = none ? 0 : (axis.kernel - 1 - first_tap) / period + 1;
  // The last tap reaches the foremost position: walked from it, positions ascend.
  const int last_tap = first_tap + (count - 1) * period;
  return {.taps = {.source = axis.output,
                   .positions = (axis.input - remainder + axis.stride - 1) / axis.stride,
                   .step = 1,
                   .taps = count,
                   .first = none ? 0 : shift(last_tap) / axis.stride,
                   .spacing = period * axis.dilation / axis.stride},
          .kernel = {last_tap, -period}};
}

/// The forward pass but for its data.
Correlation forward_correlation(const Conv2dGeometry& g) {
  return {.batch = g.batch,
          .height = tap_axis(g.height),
          .width = tap_axis(g.width),
          .groups = g.groups,
          .in_per_group = g.in_per_group(),
          .out_per_group = g.out_per_group(),
          .w_kernel_width = g.width.kernel,
          .result_height = g.height.output,
          .result_width = g.width.output,
          .activation = g.activation,
          .pool = g.pool};
}

/// Zeros at every place of the result.
void clear(const Correlation& c) {
  const int channels = c.groups * c.out_per_group;
  parallel_for(std::int64_t{c.batch} * c.height.positions, [&](std::int64_t task) {
    const std::int64_t row = task / c.height.positions * c.result_height +
                             task % c.height.positions * c.result_row_step + c.result_row_first;
    float* to = c.y + (row * c.result_width + c.result_column_first) * channels;
    for (int column = 0; column < c.width.positions; ++column, to += std::int64_t{c.result_column_step} * channels)
      std::fill_n(to, channels, 0.0f);
  });
}

}  // namespace

std::int64_t packed_weights_size(const Conv2dGeometry& g) { return packed_weights_size(forward_correlation(g)); }

void pack_conv2d_weights(const float* w, const Conv2dGeometry& g, float* packed) {
  Correlation c = forward_correlation(g);
  c.w = w;
  pack_weights(c, packed);
}

void conv2d_forward_blocked(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                            View<std::uint8_t> argmax, const Conv2dGeometry& g, bool gather_patches,
                            const float* packed, const float* residual) {
  Correlation c = forward_correlation(g);
  c.source = x.data;
  c.w = w.data;
  c.packed = packed;
  c.y = y.data;
  c.bias = g.bias ? bias.data : nullptr;
  c.residual = residual;
  c.argmax = argmax.data;
  c.gather_patches = gather_patches;
  correlate(c);
}

void conv2d_backward_input_blocked(View<const float> dz, View<const float> w, View<float> dx, const Conv2dGeometry& g,
                                   bool gather_patches) {
  // Each remainder has taps of its own; a stride leaves cells that none reaches, which are zero.
  std::vector<Correlation> parts;
  for (int row = 0; row < std::min(g.height.stride, g.height.input); ++row)
    for (int column = 0; column < std::min(g.width.stride, g.width.input); ++column) {
      const GradientAxis height = gradient_axis(g.height, row), width = gradient_axis(g.width, column);
      parts.push_back({.batch = g.batch,
                       .height = height.taps,
                       .width = width.taps,
                       .groups = g.groups,
                       .in_per_group = g.out_per_group(),
                       .out_per_group = g.in_per_group(),
                       .source = dz.data,
                       .w = w.data,
                       .w_kernel_width = g.width.kernel,
                       .w_height = height.kernel,
                       .w_width = width.kernel,
                       .w_turned = true,
                       .y = dx.data,
                       .result_height = g.height.input,
                       .result_width = g.width.input,
                       .result_row_step = g.height.stride,
                       .result_row_first = row,
                       .result_column_step = g.width.stride,
                       .result_column_first = column,
                       .gather_patches = gather_patches});
    }
  if (is_depthwise(parts.front())) return correlate_depthwise(parts.data(), static_cast<int>(parts.size()));
  for (const Correlation& part : parts) {
    if (part.height.taps == 0 || part.width.taps == 0)
      clear(part);
    else
      correlate(part);
  }
}

}  // namespace mien::kernels::cpu
