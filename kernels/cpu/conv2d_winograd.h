// Winograd's convolution F(4x4, 3x3): a 3x3 correlation of stride 1 with a quarter of the multiplications.
//
// The output is cut into tiles of 4x4. Row by row and column by column, a tile is the product of two polynomials, and
// such a product is known from its values at six points (0, infinity and four more):
//
//   V = B' d B            the 6x6 input cells d under the tile, at the points: additions and a few multiplications
//   U = G w G'            the 3x3 weights at the points: once for all tiles
//   M[f] = V[f] * U[f]    for each f of the 36 pairs of points, a matrix product: tiles x in-channels x out-channels
//   y = A' M A            from the values at the points back to the tile
//
// 36 multiplications for each pair of channels replace the 144 of the definition. The points are 0, +-1/sqrt(2),
// +-sqrt(2) and infinity: they cost what the usual 0, +-1, +-2 cost, and their powers are nearer to one, which makes
// the result 3 to 6 times more accurate, 1 to 2 times the error of the plain sum.
//
// A cell takes part in every value of its tile, so an infinity (or an overflow on the way) may come out as NaN where
// the definition gives an infinity, and a NaN anywhere in the 6x6 cells makes the whole tile NaN. No NaN is lost.
//
// Sources: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015); for the points, Alam et al.,
// "Winograd Convolution for Deep Neural Networks: Efficient Point Selection" (2022).
#pragma once

#include <cstdint>

#include "mien/kernels/geometry.h"
#include "mien/kernels/view.h"

namespace mien::kernels::cpu {

/// Whether the algorithm can compute this convolution: 3x3, stride 1, no dilation, no groups. Any padding and size.
bool winograd_fits(const Conv2dGeometry& g);

/// Whether it is faster than the direct kernel, forward and backward: with at least 4 channels on either side (fewer
/// leave the transforms of the other side without work to save), and tiles that are at least 3/8 full (a result of 5x5
/// needs two by two). It does not depend on the batch: an image's result has the same bits in any company.
///
/// Time of the direct kernel / of this one, on a Zen 4 core with AVX-512 (AVX2), batch 64, the weights' transform
/// included: 8 to 16 channels at 128x128 2.1 (1.7), 64 to 128 at 16x16 3.2 (3.1), 128 to 128 at 28x28 3.1 (3.1),
/// 512 to 512 at 7x7 2.5 (1.9), 8 to 8 at 64x64 1.9 (1.8), 4 to 4 at 64x64 1.3 (1.2), 32 to 32 at 5x5 1.2 (1.1); but
/// 1 to 8 at 256x256 1.0 (0.9), 3 to 16 at 64x64 1.1 (0.9). A single image gains as much once its weights are
/// transformed; while they are transformed for it alone, one of 7x7 with 512 channels loses (0.8).
bool winograd_pays(const Conv2dGeometry& g);

/// Floats of the forward pass's transformed weights, under the instruction set in use (their layout depends on it).
std::int64_t winograd_weights_size(const Conv2dGeometry& g);

/// The weights (3, 3, in, out) as conv2d_forward_winograd wants them, under the same instruction set.
void winograd_transform_weights(const float* w, const Conv2dGeometry& g, float* transformed);

/// y = pool(activation(convolution(x, w) + bias)) and, with the pool, its argmax bytes; as conv2d_forward. Without the
/// pool, a `residual` of y's shape is added before the activation.
void conv2d_forward_winograd(View<const float> x, const float* transformed, View<const float> bias, View<float> y,
                             View<std::uint8_t> argmax, const Conv2dGeometry& g, const float* residual = nullptr);

/// dx from the gradient dz of convolution + bias and the weights themselves; as conv2d_backward_input.
void conv2d_backward_input_winograd(View<const float> dz, View<const float> w, View<float> dx, const Conv2dGeometry& g);

}  // namespace mien::kernels::cpu
