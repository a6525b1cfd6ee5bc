// The convolution's kernels: which algorithm runs, and the backward pass of its epilogue.
#include <algorithm>

#include "mien/kernels/algorithm.h"
#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/conv2d_epilogue.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

Conv2dAlgorithm resolve(Conv2dAlgorithm algorithm, const Conv2dGeometry& g) {
  return algorithm == Conv2dAlgorithm::automatic ? choose_conv2d_algorithm(g) : algorithm;
}

}  // namespace

// `direct` and `gemm` multiply the same tiles in the same order; gemm copies the patches side by side first, as the
// textbook does. Reading them where they lie was faster on every shape measured, even where dilation or groups pull the
// taps apart into runs of a single value, so the rule is short.
Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry&) { return Conv2dAlgorithm::direct; }

void conv2d_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                    View<std::uint8_t> argmax, Conv2dGeometry g, Conv2dAlgorithm algorithm) {
  algorithm = resolve(algorithm, g);
  if (algorithm == Conv2dAlgorithm::reference) return conv2d_forward_reference(x, w, bias, y, argmax, g);
  conv2d_forward_blocked(x, w, bias, y, argmax, g, algorithm == Conv2dAlgorithm::gemm);
}

void conv2d_backward_input(View<const float> dz, View<const float> w, View<float> dx, Conv2dGeometry g,
                           Conv2dAlgorithm algorithm) {
  algorithm = resolve(algorithm, g);
  if (algorithm == Conv2dAlgorithm::reference) return conv2d_backward_input_reference(dz, w, dx, g);
  conv2d_backward_input_blocked(dz, w, dx, g, algorithm == Conv2dAlgorithm::gemm);
}

void conv2d_backward_weights(View<const float> x, View<const float> dz, View<float> dw, Conv2dGeometry g,
                             Conv2dAlgorithm algorithm) {
  algorithm = resolve(algorithm, g);
  if (algorithm == Conv2dAlgorithm::reference) return conv2d_backward_weights_reference(x, dz, dw, g);
  conv2d_backward_weights_blocked(x, dz, dw, g, algorithm == Conv2dAlgorithm::gemm);
}

void conv2d_epilogue_backward(View<const float> y, View<const std::uint8_t> argmax, View<const float> dy,
                              View<float> dz, Conv2dGeometry g) {
  if (!g.pool) return activation_backward(y, dy, dz, g.activation);
  // A pair of rows of dz at a time: what the pool took gets the gradient, all else zero; also the odd last row and
  // column, which no window covers.
  const EpilogueKernels& kernels = epilogue_kernels();
  const std::int64_t row_size = std::int64_t{g.width.output} * g.out_channels;
  const std::int64_t covered = std::int64_t{2} * g.y_width() * g.out_channels;
  const std::int64_t pairs = (g.height.output + 1) / 2;
  parallel_for(g.batch * pairs, [&](std::int64_t task) {
    const std::int64_t image = task / pairs, pair = task % pairs;
    float* const upper = dz.data + (image * g.height.output + 2 * pair) * row_size;
    if (pair == g.y_height()) return std::fill_n(upper, row_size, 0.0f), void();
    const std::int64_t from = (image * g.y_height() + pair) * g.y_width() * g.out_channels;
    float* const lower = upper + row_size;
    kernels.pooled_backward({.y = y.data + from,
                             .argmax = argmax.data + from,
                             .dy = dy.data + from,
                             .windows = g.y_width(),
                             .channels = g.out_channels,
                             .activation = g.activation,
                             .upper = upper,
                             .lower = lower});
    std::fill(upper + covered, upper + row_size, 0.0f);
    std::fill(lower + covered, lower + row_size, 0.0f);
  });
}

}  // namespace mien::kernels::cpu
