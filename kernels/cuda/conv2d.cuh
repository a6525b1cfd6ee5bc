// What the convolution's algorithms share: the choice among them, and the pooling epilogue.
#pragma once

#include "mien/kernels/cuda/window.cuh"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// What Conv2dAlgorithm::automatic stands for with this geometry.
Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry& g, Conv2dPass pass);

/// Whether a block's share of x and w fits shared memory (conv2d_direct.cu).
bool conv2d_direct_fits(const Conv2dGeometry& g);

// The algorithms beside the plain one, which stands in conv2d.cu. Arguments are those of the kernels (signatures.inc).
void conv2d_forward_direct(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                           View<std::uint8_t> argmax, const Conv2dGeometry& g);
void conv2d_backward_weights_direct(View<const float> x, View<const float> dz, View<float> dw, const Conv2dGeometry& g);
void conv2d_forward_gemm(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                         View<std::uint8_t> argmax, const Conv2dGeometry& g);
void conv2d_backward_input_gemm(View<const float> dz, View<const float> w, View<float> dx, const Conv2dGeometry& g);
void conv2d_backward_weights_gemm(View<const float> x, View<const float> dz, View<float> dw, const Conv2dGeometry& g);

void conv2d_forward_tensor_cores(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                                 View<std::uint8_t> argmax, const Conv2dGeometry& g);
void conv2d_backward_input_tensor_cores(View<const float> dz, View<const float> w, View<float> dx,
                                        const Conv2dGeometry& g);
void conv2d_backward_weights_tensor_cores(View<const float> x, View<const float> dz, View<float> dw,
                                          const Conv2dGeometry& g);

/// Tap and channel that a depth (or a row) of a convolution's product stands for.
struct TapChannel {
  int tap_row, tap_column, channel;
};

__device__ inline TapChannel tap_channel(int index, int kernel_width, int channels) {
  const int tap = index / channels;
  return {tap / kernel_width, tap % kernel_width, index % channels};
}

/// Writes y and argmax of one 2x2 block from its four activated values, row by row.
__device__ inline void store_maximum(const float (&values)[4], View<float> y, View<std::uint8_t> argmax, int place,
                                     Activation activation) {
  int first = 0;
  for (int i = 1; i < 4; ++i) {
    const bool first_nan = values[i] != values[i] && values[first] == values[first];
    if (values[i] > values[first] || first_nan) first = i;
  }
  const float maximum = values[first];
  y[place] = maximum;
  if (argmax.empty()) return;
  const bool killed = activation_slope(maximum, activation) == 0.0f;
  argmax[place] = killed ? argmax_killed : static_cast<std::uint8_t>(first);
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
