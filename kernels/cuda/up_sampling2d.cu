// Nearest-neighbour up-sampling: pixels repeated over blocks of a larger picture.
//
// Forward: one thread for each element of y finds the pixel of x that it repeats. Backward: one thread for each element
// of dx adds up its block of dy, row by row as the CPU does, so both give the same bits. The other direction, where
// each element of dy adds itself to its pixel, would need atomics.
#include "mien/kernels/cuda/window.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

__global__ void up_sampling2d_forward_each(View<const float> x, View<float> y, UpSampling2dGeometry g) {
  const int index = global_thread();
  if (index >= y.size) return;
  const Pixel at = pixel(index / g.channels, g.y_height(), g.y_width());
  const int row = at.row / g.rows, column = at.column / g.columns;
  y[index] = x[((at.image * g.height + row) * g.width + column) * g.channels + index % g.channels];
}

__global__ void up_sampling2d_backward_each(View<const float> dy, View<float> dx, UpSampling2dGeometry g) {
  const int index = global_thread();
  if (index >= dx.size) return;
  const Pixel at = pixel(index / g.channels, g.height, g.width);
  float sum = 0.0f;
  for (int i = 0; i < g.rows; ++i)
    for (int j = 0; j < g.columns; ++j) {
      const int row = at.row * g.rows + i, column = at.column * g.columns + j;
      sum += dy[((at.image * g.y_height() + row) * g.y_width() + column) * g.channels + index % g.channels];
    }
  dx[index] = sum;
}

}  // namespace

void up_sampling2d_forward(View<const float> x, View<float> y, UpSampling2dGeometry g) {
  launch_each("up_sampling2d_forward", up_sampling2d_forward_each, y.size, x, y, g);
}

void up_sampling2d_backward(View<const float> dy, View<float> dx, UpSampling2dGeometry g) {
  index_count("up_sampling2d_backward", dy.size);
  launch_each("up_sampling2d_backward", up_sampling2d_backward_each, dx.size, dy, dx, g);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
