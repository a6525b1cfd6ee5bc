// The convolution's algorithms, as conv2d.cpp picks among them. Arguments are those of the kernels (signatures.inc).
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"
#include "mien/kernels/view.h"

namespace mien::kernels::cpu {

// Plain loops (conv2d_reference.cpp).
void conv2d_forward_reference(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                              View<std::uint8_t> argmax, const Conv2dGeometry& g);
void conv2d_backward_input_reference(View<const float> dz, View<const float> w, View<float> dx,
                                     const Conv2dGeometry& g);
void conv2d_backward_weights_reference(View<const float> x, View<const float> dz, View<float> dw,
                                       const Conv2dGeometry& g);

// Over the register tile (conv2d_correlate.h, conv2d_weights.cpp). `gather_patches` copies patches together before they
// are multiplied (gemm), else they are read where they lie (direct). Both add in the same order: they agree to the bit.
// `packed`: the weights as pack_conv2d_weights (conv2d_correlate.h) left them; null: packed here.
void conv2d_forward_blocked(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                            View<std::uint8_t> argmax, const Conv2dGeometry& g, bool gather_patches,
                            const float* packed = nullptr, const float* residual = nullptr);
void conv2d_backward_input_blocked(View<const float> dz, View<const float> w, View<float> dx, const Conv2dGeometry& g,
                                   bool gather_patches);
void conv2d_backward_weights_blocked(View<const float> x, View<const float> dz, View<float> dw, const Conv2dGeometry& g,
                                     bool gather_patches);

}  // namespace mien::kernels::cpu
