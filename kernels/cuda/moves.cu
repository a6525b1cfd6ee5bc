// Ops that only move data: bands of a wider array (concatenation), zero padding, and look-up by index.
//
// One thread for each element that is written, which computes where its value comes from. That direction, called
// gather, needs no atomics, and neighbouring threads write neighbouring addresses.
#include "mien/kernels/cuda/launch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

// Where element `index` of a band lies in the wide array.
__device__ std::int64_t place_in_wide(std::int64_t index, const BandGeometry& g) {
  return index / g.inner * g.wide + g.offset + index % g.inner;
}

__global__ void write_band_each(View<const float> x, View<float> y, BandGeometry g) {
  const int i = global_thread();
  if (i < x.size) y[place_in_wide(i, g)] = x[i];
}

__global__ void read_band_each(View<const float> y, View<float> x, BandGeometry g) {
  const int i = global_thread();
  if (i < x.size) x[i] = y[place_in_wide(i, g)];
}

// One thread for each element of y: what lies under it in x, or zero.
__global__ void zero_pad2d_forward_each(View<const float> x, View<float> y, Pad2dGeometry g) {
  const int i = global_thread();
  if (i >= y.size) return;
  const int channel = i % g.channels, column = i / g.channels % g.y_width() - g.left;
  const int row = i / g.channels / g.y_width() % g.y_height() - g.top;
  const int image = i / g.channels / g.y_width() / g.y_height();
  const bool inside = row >= 0 && row < g.height && column >= 0 && column < g.width;
  y[i] = inside ? x[((image * g.height + row) * g.width + column) * g.channels + channel] : 0.0f;
}

// One thread for each element of dx.
__global__ void zero_pad2d_backward_each(View<const float> dy, View<float> dx, Pad2dGeometry g) {
  const int i = global_thread();
  if (i >= dx.size) return;
  const int channel = i % g.channels, column = i / g.channels % g.width + g.left;
  const int row = i / g.channels / g.width % g.height + g.top;
  const int image = i / g.channels / g.width / g.height;
  dx[i] = dy[((image * g.y_height() + row) * g.y_width() + column) * g.channels + channel];
}

__global__ void gather_each(View<const float> table, View<const std::int32_t> index, View<float> y) {
  const int i = global_thread();
  if (i < y.size) y[i] = index[i] >= 0 && index[i] < table.size ? table[index[i]] : NAN;
}

}  // namespace

void write_band(View<const float> x, View<float> y, BandGeometry g) {
  launch_each("write_band", write_band_each, x.size, x, y, g);
}

void read_band(View<const float> y, View<float> x, BandGeometry g) {
  launch_each("read_band", read_band_each, x.size, y, x, g);
}

void zero_pad2d_forward(View<const float> x, View<float> y, Pad2dGeometry g) {
  launch_each("zero_pad2d_forward", zero_pad2d_forward_each, y.size, x, y, g);
}

void zero_pad2d_backward(View<const float> dy, View<float> dx, Pad2dGeometry g) {
  index_count("zero_pad2d_backward", dy.size);
  launch_each("zero_pad2d_backward", zero_pad2d_backward_each, dx.size, dy, dx, g);
}

void gather(View<const float> table, View<const std::int32_t> index, View<float> y) {
  launch_each("gather", gather_each, y.size, table, index, y);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
