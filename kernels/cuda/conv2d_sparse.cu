// The gradients of a 3x3 convolution through its fused 2x2 max-pool, from the entries that the pool let through. A
// window sends its gradient to one of its four positions, which the argmax byte names (argmax_killed: to none); so a
// thread asks of each window over it, instead of four dense positions: "is the one you took over me?", and reads a byte
// where it would have multiplied a zero. Nothing is spread out to a dense gradient first.
#include "mien/kernels/cuda/conv2d.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {
namespace {

// One thread for each element of dx.
__global__ void conv2d_sparse_backward_input_each(View<const std::uint8_t> argmax, View<const float> dy,
                                                  View<const float> w, View<float> dx, Conv2dGeometry g) {
  const int index = global_thread();
  if (index >= dx.size) return;
  const int in = index % g.in_channels;
  const Pixel at = pixel(index / g.in_channels, g.height.input, g.width.input);
  float sum = 0.0f;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      const int row = position_over(g.height, at.row, i), column = position_over(g.width, at.column, j);
      // An odd last row or column belongs to no window.
      if (row < 0 || column < 0 || row / 2 >= g.y_height() || column / 2 >= g.y_width()) continue;
      const int window = ((at.image * g.y_height() + row / 2) * g.y_width() + column / 2) * g.out_channels;
      const int taken = 2 * (row % 2) + column % 2;
      for (int out = 0; out < g.out_channels; ++out)
        if (argmax[window + out] == taken)
          sum += dy[window + out] * w[((i * 3 + j) * g.in_channels + in) * g.out_channels + out];
    }
  dx[index] = sum;
}

// One thread for each weight: the value of x that the tap saw wherever its output channel's windows took theirs.
__global__ void conv2d_sparse_backward_weights_each(View<const float> x, View<const std::uint8_t> argmax,
                                                    View<const float> dy, View<float> dw, Conv2dGeometry g) {
  const int index = global_thread();
  if (index >= dw.size) return;
  const int out = index % g.out_channels, in = index / g.out_channels % g.in_channels;
  const int tap = index / g.out_channels / g.in_channels;
  float sum = 0.0f;
  for (int image = 0; image < g.batch; ++image)
    for (int row = 0; row < g.y_height(); ++row)
      for (int column = 0; column < g.y_width(); ++column) {
        const int window = ((image * g.y_height() + row) * g.y_width() + column) * g.out_channels + out;
        const int taken = argmax[window];
        if (taken == argmax_killed) continue;
        const int x_row = g.height.cell(2 * row + taken / 2, tap / 3),
                  x_column = g.width.cell(2 * column + taken % 2, tap % 3);
        if (!g.height.inside(x_row) || !g.width.inside(x_column)) continue;
        sum += x[((image * g.height.input + x_row) * g.width.input + x_column) * g.in_channels + in] * dy[window];
      }
  dw[index] = sum;
}

// One thread for each output channel.
__global__ void conv2d_sparse_backward_bias_each(View<const std::uint8_t> argmax, View<const float> dy,
                                                 View<float> dbias, Conv2dGeometry g) {
  const int out = global_thread();
  if (out >= dbias.size) return;
  float sum = 0.0f;
  for (int window = out; window < dy.size; window += g.out_channels)
    if (argmax[window] != argmax_killed) sum += dy[window];
  dbias[out] = sum;
}

}  // namespace

void conv2d_sparse_backward_input(View<const std::uint8_t> argmax, View<const float> dy, View<const float> w,
                                  View<float> dx, Conv2dGeometry g) {
  launch_each("conv2d_sparse_backward_input", conv2d_sparse_backward_input_each, dx.size, argmax, dy, w, dx, g);
}

void conv2d_sparse_backward_weights(View<const float> x, View<const std::uint8_t> argmax, View<const float> dy,
                                    View<float> dw, View<float> dbias, Conv2dGeometry g) {
  if (!dw.empty())
    launch_each("conv2d_sparse_backward_weights", conv2d_sparse_backward_weights_each, dw.size, x, argmax, dy, dw, g);
  if (!dbias.empty())
    launch_each("conv2d_sparse_backward_bias", conv2d_sparse_backward_bias_each, dbias.size, argmax, dy, dbias, g);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
