// The gradients of a fused convolution + activation + 2x2 max-pool, from the argmax bytes alone. The dense gradient dz
// that comes back through the pool is zero but for one position in four (the maximum), and there too where the
// activation killed it; so three quarters of the dense algorithm's multiply-adds, or more, are by zero. These kernels
// never write dz: the live entries (window, channel, place of the maximum) are read off the bytes that the forward pass
// stored, and each costs nine multiply-adds per input channel.
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"
#include "mien/kernels/view.h"

namespace mien::kernels::cpu {

/// Whether these kernels know the shape: a pooled 3x3 convolution of stride 1 without dilation and groups. Any padding,
/// size and number of channels.
inline bool has_sparse_gradients(const Conv2dGeometry& g) { return g.pool && g.is_plain_3x3(); }

/// dx from dy, the gradient of the pooled map. Where the activation's slope is neither 0 nor 1, dy must hold it
/// already; entries whose argmax byte says killed are skipped, whatever dy holds there.
void conv2d_backward_input_sparse(View<const std::uint8_t> argmax, View<const float> dy, View<const float> w,
                                  View<float> dx, const Conv2dGeometry& g);

/// dw and dbias (the sum of the live dy of each channel) from the same; either may be empty, if not wanted.
void conv2d_backward_weights_sparse(View<const float> x, View<const std::uint8_t> argmax, View<const float> dy,
                                    View<float> dw, View<float> dbias, const Conv2dGeometry& g);

}  // namespace mien::kernels::cpu
