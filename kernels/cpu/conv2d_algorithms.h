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

}  // namespace mien::kernels::cpu
