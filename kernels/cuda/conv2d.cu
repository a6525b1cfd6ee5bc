// The convolution and its gradients: the plain kernels, the choice of algorithm, and the way back through the epilogue.
//
// Plain (reference): one thread for each element of the result, which loops over all that its sum consists of. For the
// gradients too the thread asks "which products land on my element" and never adds to another's, so nothing is atomic
// and the order of each sum is fixed. What is slow here: every thread reads its whole window from memory, although its
// neighbours read nearly the same. Three files mend that:
//   conv2d_direct.cu         a block brings its window of x into shared memory once
//   conv2d_gemm.cu           a matrix product whose left operand, the patches of x, is looked up and never built
//   conv2d_tensor_cores.cu   that product on tensor cores, which round the factors
#include "mien/kernels/cuda/conv2d.cuh"

#include "mien/kernels/cuda/tensor_cores.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry& g, Conv2dPass pass) {
  // Below a quarter of a tile in either direction the product computes mostly nothing.
  constexpr int enough = 16;
  const int depth = g.height.kernel * g.width.kernel * g.in_per_group();
  const auto product = use_tensor_cores() ? Conv2dAlgorithm::tensor_cores : Conv2dAlgorithm::gemm;
  switch (pass) {
    case Conv2dPass::forward:
      if (g.out_per_group() > enough) return product;
      // Depthwise: neighbouring threads of the plain kernel read neighbouring channels, and share nothing else.
      return g.out_per_group() > 1 && conv2d_direct_fits(g) ? Conv2dAlgorithm::direct : Conv2dAlgorithm::reference;
    case Conv2dPass::backward_input:
      return g.in_per_group() > enough ? product : Conv2dAlgorithm::reference;
    case Conv2dPass::backward_weights:
      return g.out_per_group() > enough && depth > enough ? product : Conv2dAlgorithm::direct;
  }
  return Conv2dAlgorithm::reference;
}

namespace {

// Of tap (i, j) between input channel `in` of its group and output channel `out`.
__device__ int weight_place(const Conv2dGeometry& g, int i, int j, int in, int out) {
  return ((i * g.width.kernel + j) * g.in_per_group() + in) * g.out_channels + out;
}

// activation(sum + bias) at one position of the convolution, for one output channel.
__device__ float activated(View<const float> x, View<const float> w, View<const float> bias, const Conv2dGeometry& g,
                           Pixel at, int out) {
  const int first_in = out / g.out_per_group() * g.in_per_group();
  float sum = 0.0f;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int row = g.height.cell(at.row, i), column = g.width.cell(at.column, j);
      if (!g.height.inside(row) || !g.width.inside(column)) continue;
      const int cell = ((at.image * g.height.input + row) * g.width.input + column) * g.in_channels + first_in;
      for (int in = 0; in < g.in_per_group(); ++in) sum += x[cell + in] * w[weight_place(g, i, j, in, out)];
    }
  return activate(g.bias ? sum + bias[out] : sum, g.activation);
}

__global__ void conv2d_forward_naive(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                                     View<std::uint8_t> argmax, Conv2dGeometry g) {
  const int index = global_thread();
  if (index >= y.size) return;
  const int out = index % g.out_channels;
  const Pixel at = pixel(index / g.out_channels, g.y_height(), g.y_width());
  if (!g.pool) {
    y[index] = activated(x, w, bias, g, at, out);
    return;
  }
  float values[4];
  for (int i = 0; i < 4; ++i)
    values[i] = activated(x, w, bias, g, {at.image, 2 * at.row + i / 2, 2 * at.column + i % 2}, out);
  store_maximum(values, y, argmax, index, g.activation);
}

__global__ void conv2d_backward_input_naive(View<const float> dz, View<const float> w, View<float> dx,
                                            Conv2dGeometry g) {
  const int index = global_thread();
  if (index >= dx.size) return;
  const int channel = index % g.in_channels, group = channel / g.in_per_group(), in = channel % g.in_per_group();
  const Pixel at = pixel(index / g.in_channels, g.height.input, g.width.input);
  float sum = 0.0f;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int row = position_over(g.height, at.row, i), column = position_over(g.width, at.column, j);
      if (row < 0 || column < 0) continue;
      const int cell = ((at.image * g.height.output + row) * g.width.output + column) * g.out_channels;
      for (int out = group * g.out_per_group(); out < (group + 1) * g.out_per_group(); ++out)
        sum += dz[cell + out] * w[weight_place(g, i, j, in, out)];
    }
  dx[index] = sum;
}

__global__ void conv2d_backward_weights_naive(View<const float> x, View<const float> dz, View<float> dw,
                                              Conv2dGeometry g) {
  const int index = global_thread();
  if (index >= dw.size) return;
  const int out = index % g.out_channels, in = index / g.out_channels % g.in_per_group();
  const int tap = index / g.out_channels / g.in_per_group();
  const int channel = out / g.out_per_group() * g.in_per_group() + in;
  float sum = 0.0f;
  for (int image = 0; image < g.batch; ++image)
    for (int row = 0; row < g.height.output; ++row)
      for (int column = 0; column < g.width.output; ++column) {
        const int x_row = g.height.cell(row, tap / g.width.kernel);
        const int x_column = g.width.cell(column, tap % g.width.kernel);
        if (!g.height.inside(x_row) || !g.width.inside(x_column)) continue;
        const int cell = (image * g.height.input + x_row) * g.width.input + x_column;
        const int position = (image * g.height.output + row) * g.width.output + column;
        sum += x[cell * g.in_channels + channel] * dz[position * g.out_channels + out];
      }
  dw[index] = sum;
}

// One thread for each element of dz. Under a pool it looks whether its block's maximum was this one; an odd last row
// or column belongs to no block.
__global__ void conv2d_epilogue_backward_each(View<const float> y, View<const std::uint8_t> argmax,
                                              View<const float> dy, View<float> dz, Conv2dGeometry g) {
  const int index = global_thread();
  if (index >= dz.size) return;
  if (!g.pool) {
    dz[index] = dy[index] * activation_slope(y[index], g.activation);
    return;
  }
  const Pixel at = pixel(index / g.out_channels, g.height.output, g.width.output);
  const int row = at.row / 2, column = at.column / 2;
  float gradient = 0.0f;
  if (row < g.y_height() && column < g.y_width()) {
    const int block = (at.image * g.y_height() + row) * g.y_width() + column;
    const int place = block * g.out_channels + index % g.out_channels;
    if (argmax[place] == 2 * (at.row % 2) + at.column % 2)
      gradient = dy[place] * activation_slope(y[place], g.activation);
  }
  dz[index] = gradient;
}

Conv2dAlgorithm resolve(Conv2dAlgorithm algorithm, const Conv2dGeometry& g, Conv2dPass pass) {
  index_count("conv2d", g.x_size());
  index_count("conv2d", g.w_size());
  index_count("conv2d", g.convolution_size());
  switch (algorithm) {
    case Conv2dAlgorithm::automatic:
      return choose_conv2d_algorithm(g, pass);
    case Conv2dAlgorithm::tensor_cores:
      return has_tensor_cores() ? algorithm : Conv2dAlgorithm::gemm;
    case Conv2dAlgorithm::reference:
    case Conv2dAlgorithm::gemm:
      return algorithm;
    default:
      return Conv2dAlgorithm::direct;  // no Winograd here; sparse gradients have kernels of their own
  }
}

}  // namespace

void conv2d_forward(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                    View<std::uint8_t> argmax, Conv2dGeometry g, Conv2dAlgorithm algorithm) {
  algorithm = resolve(algorithm, g, Conv2dPass::forward);
  if (algorithm == Conv2dAlgorithm::tensor_cores)
    conv2d_forward_tensor_cores(x, w, bias, y, argmax, g);
  else if (algorithm == Conv2dAlgorithm::gemm)
    conv2d_forward_gemm(x, w, bias, y, argmax, g);
  else if (algorithm == Conv2dAlgorithm::direct && conv2d_direct_fits(g))
    conv2d_forward_direct(x, w, bias, y, argmax, g);
  else
    launch_each("conv2d_forward", conv2d_forward_naive, y.size, x, w, bias, y, argmax, g);
}

// The kernels read the weights as they are.
void conv2d_prepared_size(Conv2dGeometry g, Conv2dAlgorithm, std::int64_t* size) { *size = g.w_size(); }

void conv2d_prepare(View<const float> w, View<float> prepared, Conv2dGeometry, Conv2dAlgorithm) {
  copy(w.data, prepared.data, static_cast<std::size_t>(w.size) * sizeof(float));
}

void conv2d_forward_prepared(View<const float> x, View<const float> prepared, View<const float> bias,
                             View<const float> residual, View<float> y, Conv2dGeometry g, Conv2dAlgorithm algorithm) {
  if (residual.empty()) return conv2d_forward(x, prepared, bias, y, {}, g, algorithm);
  const Activation activation = g.activation;
  g.activation = {};
  conv2d_forward(x, prepared, bias, y, {}, g, algorithm);
  binary_forward(y, residual, y, {.axes = 1, .extent = {y.size}, .a_stride = {1}, .b_stride = {1}}, BinaryKind::add);
  if (activation.kind != ActivationKind::linear) activation_forward(y, y, activation);
}

void conv2d_backward_input(View<const float> dz, View<const float> w, View<float> dx, Conv2dGeometry g,
                           Conv2dAlgorithm algorithm) {
  // `direct` is the plain kernel here: it is direct already, and a tiled one would teach nothing new.
  algorithm = resolve(algorithm, g, Conv2dPass::backward_input);
  if (algorithm == Conv2dAlgorithm::tensor_cores)
    conv2d_backward_input_tensor_cores(dz, w, dx, g);
  else if (algorithm == Conv2dAlgorithm::gemm)
    conv2d_backward_input_gemm(dz, w, dx, g);
  else
    launch_each("conv2d_backward_input", conv2d_backward_input_naive, dx.size, dz, w, dx, g);
}

void conv2d_backward_weights(View<const float> x, View<const float> dz, View<float> dw, Conv2dGeometry g,
                             Conv2dAlgorithm algorithm) {
  algorithm = resolve(algorithm, g, Conv2dPass::backward_weights);
  if (algorithm == Conv2dAlgorithm::tensor_cores)
    conv2d_backward_weights_tensor_cores(x, dz, dw, g);
  else if (algorithm == Conv2dAlgorithm::gemm)
    conv2d_backward_weights_gemm(x, dz, dw, g);
  else if (algorithm == Conv2dAlgorithm::direct)
    conv2d_backward_weights_direct(x, dz, dw, g);
  else
    launch_each("conv2d_backward_weights", conv2d_backward_weights_naive, dw.size, x, dz, dw, g);
}

void conv2d_epilogue_backward(View<const float> y, View<const std::uint8_t> argmax, View<const float> dy,
                              View<float> dz, Conv2dGeometry g) {
  launch_each("conv2d_epilogue_backward", conv2d_epilogue_backward_each, dz.size, y, argmax, dy, dz, g);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
