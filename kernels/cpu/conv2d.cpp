// The convolution's kernels: which algorithm runs, and the backward pass of its epilogue.
#include <algorithm>

#include "mien/kernels/algorithm.h"
#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/conv2d_correlate.h"
#include "mien/kernels/cpu/conv2d_epilogue.h"
#include "mien/kernels/cpu/conv2d_narrow.h"
#include "mien/kernels/cpu/conv2d_winograd.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

struct WinogradScratch;

/// What conv2d_prepare makes of the weights.
enum class PreparedForm { as_they_are, packed, transformed };

PreparedForm prepared_form(const Conv2dGeometry& g, Conv2dAlgorithm algorithm) {
  algorithm = resolve_conv2d_algorithm(algorithm, g, Conv2dPass::forward);
  if (algorithm == Conv2dAlgorithm::winograd) return PreparedForm::transformed;
  if (algorithm == Conv2dAlgorithm::direct && narrow_fits(g)) return PreparedForm::as_they_are;
  const bool packs = algorithm != Conv2dAlgorithm::reference && packed_weights_size(g) > 0;
  return packs ? PreparedForm::packed : PreparedForm::as_they_are;
}

}  // namespace

// `direct` and `gemm` multiply the same tiles in the same order; gemm copies the patches side by side first, as the
// textbook does. Reading them where they lie was faster on every shape measured, even where dilation or groups pull the
// taps apart into runs of a single value, so `gemm` is never the choice.
Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry& g, Conv2dPass pass) {
  if (pass != Conv2dPass::forward && sparse_gradients(Device::cpu, g, Conv2dAlgorithm::automatic))
    return Conv2dAlgorithm::sparse;
  return pass != Conv2dPass::backward_weights && winograd_pays(g) ? Conv2dAlgorithm::winograd : Conv2dAlgorithm::direct;
}

Conv2dAlgorithm resolve_conv2d_algorithm(Conv2dAlgorithm algorithm, const Conv2dGeometry& g, Conv2dPass pass) {
  switch (algorithm) {
    case Conv2dAlgorithm::automatic:
      return choose_conv2d_algorithm(g, pass);
    case Conv2dAlgorithm::winograd:
      return pass != Conv2dPass::backward_weights && winograd_fits(g) ? algorithm : Conv2dAlgorithm::direct;
    case Conv2dAlgorithm::sparse:
      return pass != Conv2dPass::forward && sparse_gradients(Device::cpu, g, algorithm) ? algorithm
                                                                                        : Conv2dAlgorithm::direct;
    case Conv2dAlgorithm::tensor_cores:
      return Conv2dAlgorithm::direct;
    default:
      return algorithm;
  }
}

void conv2d_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                    View<std::uint8_t> argmax, Conv2dGeometry g, Conv2dAlgorithm algorithm) {
  switch (algorithm = resolve_conv2d_algorithm(algorithm, g, Conv2dPass::forward)) {
    case Conv2dAlgorithm::reference:
      return conv2d_forward_reference(x, w, bias, y, argmax, g);
    case Conv2dAlgorithm::winograd: {
      float* const transformed = thread_scratch<WinogradScratch>(winograd_weights_size(g));
      winograd_transform_weights(w.data, g, transformed);
      return conv2d_forward_winograd(x, transformed, bias, y, argmax, g);
    }
    case Conv2dAlgorithm::direct:
      if (narrow_fits(g)) return conv2d_forward_narrow(x, w, bias, y, argmax, g);  // the same bits, sooner
      [[fallthrough]];
    default:
      conv2d_forward_blocked(x, w, bias, y, argmax, g, algorithm == Conv2dAlgorithm::gemm);
  }
}

void conv2d_prepared_size(Conv2dGeometry g, Conv2dAlgorithm algorithm, std::int64_t* size) {
  switch (prepared_form(g, algorithm)) {
    case PreparedForm::as_they_are:
      *size = g.w_size();
      break;
    case PreparedForm::transformed:
      *size = winograd_weights_size(g);
      break;
    case PreparedForm::packed:
      *size = packed_weights_size(g);
      break;
  }
}

void conv2d_prepare(View<const float> w, View<float> prepared, Conv2dGeometry g, Conv2dAlgorithm algorithm) {
  switch (prepared_form(g, algorithm)) {
    case PreparedForm::as_they_are:
      std::copy_n(w.data, w.size, prepared.data);
      break;
    case PreparedForm::transformed:
      winograd_transform_weights(w.data, g, prepared.data);
      break;
    case PreparedForm::packed:
      pack_conv2d_weights(w.data, g, prepared.data);
      break;
  }
}

void conv2d_forward_prepared(View<const float> x, View<const float> prepared, View<const float> bias,
                             View<const float> residual, View<float> y, Conv2dGeometry g, Conv2dAlgorithm algorithm) {
  switch (prepared_form(g, algorithm)) {
    case PreparedForm::transformed:
      return conv2d_forward_winograd(x, prepared.data, bias, y, {}, g, residual.data);
    case PreparedForm::packed:
      return conv2d_forward_blocked(x, {}, bias, y, {}, g, algorithm == Conv2dAlgorithm::gemm, prepared.data,
                                    residual.data);
    case PreparedForm::as_they_are:
      break;
  }
  const Activation activation = g.activation;
  if (!residual.empty()) g.activation = {};
  conv2d_forward(x, prepared, bias, y, {}, g, algorithm);
  if (residual.empty()) return;
  // Its kernels know of no residual: a pass of its own adds it.
  binary_forward(y, residual, y, {.axes = 1, .extent = {y.size}, .a_stride = {1}, .b_stride = {1}}, BinaryKind::add);
  if (activation.kind != ActivationKind::linear) activation_forward(y, y, activation);
}

void conv2d_backward_input(View<const float> dz, View<const float> w, View<float> dx, Conv2dGeometry g,
                           Conv2dAlgorithm algorithm) {
  // Here the gradient is dense: whoever goes by the pool's entries calls conv2d_sparse_backward_input.
  g.pool = false;
  algorithm = resolve_conv2d_algorithm(algorithm, g, Conv2dPass::backward_input);
  if (algorithm == Conv2dAlgorithm::reference) return conv2d_backward_input_reference(dz, w, dx, g);
  if (algorithm == Conv2dAlgorithm::winograd) return conv2d_backward_input_winograd(dz, w, dx, g);
  conv2d_backward_input_blocked(dz, w, dx, g, algorithm == Conv2dAlgorithm::gemm);
}

void conv2d_backward_weights(View<const float> x, View<const float> dz, View<float> dw, Conv2dGeometry g,
                             Conv2dAlgorithm algorithm) {
  g.pool = false;
  algorithm = resolve_conv2d_algorithm(algorithm, g, Conv2dPass::backward_weights);
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
