// Pooling: the maximum or the mean of each window, each channel for itself.
//
// Forward: one thread for each window and channel walks over the window's cells; neighbouring threads have neighbouring
// channels, so a warp reads whole stretches of memory. A window has few cells and neighbouring windows seldom share
// many, so there is nothing for a tile to save. Backward: one thread for each cell of x asks which windows it lies in
// and adds what they send it: for the maximum, of those windows whose maximum it was. The other direction, where each
// window adds to its cells, would need atomics as soon as windows overlap.
#include <limits>

#include "mien/kernels/cuda/window.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

// Taps at `position` of an axis that lie inside the picture.
__device__ int taps_inside(const WindowAxis& axis, int position) {
  int count = 0;
  for (int tap = 0; tap < axis.kernel; ++tap) count += axis.inside(axis.cell(position, tap)) ? 1 : 0;
  return count;
}

__global__ void max_pool2d_forward_each(View<const float> x, View<float> y, View<std::int32_t> argmax,
                                        Pool2dGeometry g) {
  const int index = global_thread();
  if (index >= y.size) return;
  const int channel = index % g.channels;
  const Pixel at = pixel(index / g.channels, g.height.output, g.width.output);
  // A window that lies in the padding alone has no maximum and passes no gradient.
  float maximum = -std::numeric_limits<float>::infinity();
  int first = -1;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int row = g.height.cell(at.row, i), column = g.width.cell(at.column, j);
      if (!g.height.inside(row) || !g.width.inside(column)) continue;
      const float value = x[((at.image * g.height.input + row) * g.width.input + column) * g.channels + channel];
      const bool first_nan = value != value && maximum == maximum;
      if (first < 0 || value > maximum || first_nan) maximum = value, first = i * g.width.kernel + j;
    }
  y[index] = maximum;
  argmax[index] = first;
}

__global__ void max_pool2d_backward_each(View<const std::int32_t> argmax, View<const float> dy, View<float> dx,
                                         Pool2dGeometry g) {
  const int index = global_thread();
  if (index >= dx.size) return;
  const int channel = index % g.channels;
  const Pixel at = pixel(index / g.channels, g.height.input, g.width.input);
  float sum = 0.0f;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int row = position_over(g.height, at.row, i), column = position_over(g.width, at.column, j);
      if (row < 0 || column < 0) continue;
      const int window = ((at.image * g.height.output + row) * g.width.output + column) * g.channels + channel;
      if (argmax[window] == i * g.width.kernel + j) sum += dy[window];
    }
  dx[index] = sum;
}

__global__ void average_pool2d_forward_each(View<const float> x, View<float> y, Pool2dGeometry g) {
  const int index = global_thread();
  if (index >= y.size) return;
  const int channel = index % g.channels;
  const Pixel at = pixel(index / g.channels, g.height.output, g.width.output);
  float sum = 0.0f;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int row = g.height.cell(at.row, i), column = g.width.cell(at.column, j);
      if (!g.height.inside(row) || !g.width.inside(column)) continue;
      sum += x[((at.image * g.height.input + row) * g.width.input + column) * g.channels + channel];
    }
  const int cells = taps_inside(g.height, at.row) * taps_inside(g.width, at.column);
  y[index] = cells > 0 ? sum * (1.0f / static_cast<float>(cells)) : 0.0f;
}

__global__ void average_pool2d_backward_each(View<const float> dy, View<float> dx, Pool2dGeometry g) {
  const int index = global_thread();
  if (index >= dx.size) return;
  const int channel = index % g.channels;
  const Pixel at = pixel(index / g.channels, g.height.input, g.width.input);
  float sum = 0.0f;
  for (int i = 0; i < g.height.kernel; ++i)
    for (int j = 0; j < g.width.kernel; ++j) {
      const int row = position_over(g.height, at.row, i), column = position_over(g.width, at.column, j);
      if (row < 0 || column < 0) continue;
      const int window = ((at.image * g.height.output + row) * g.width.output + column) * g.channels + channel;
      const int cells = taps_inside(g.height, row) * taps_inside(g.width, column);
      sum += dy[window] * (1.0f / static_cast<float>(cells));
    }
  dx[index] = sum;
}

}  // namespace

void max_pool2d_forward(View<const float> x, View<float> y, View<std::int32_t> argmax, Pool2dGeometry g) {
  index_count("max_pool2d_forward", x.size);
  launch_each("max_pool2d_forward", max_pool2d_forward_each, y.size, x, y, argmax, g);
}

void max_pool2d_backward(View<const std::int32_t> argmax, View<const float> dy, View<float> dx, Pool2dGeometry g) {
  index_count("max_pool2d_backward", dy.size);
  launch_each("max_pool2d_backward", max_pool2d_backward_each, dx.size, argmax, dy, dx, g);
}

void average_pool2d_forward(View<const float> x, View<float> y, Pool2dGeometry g) {
  index_count("average_pool2d_forward", x.size);
  launch_each("average_pool2d_forward", average_pool2d_forward_each, y.size, x, y, g);
}

void average_pool2d_backward(View<const float> dy, View<float> dx, Pool2dGeometry g) {
  index_count("average_pool2d_backward", dy.size);
  launch_each("average_pool2d_backward", average_pool2d_backward_each, dx.size, dy, dx, g);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
