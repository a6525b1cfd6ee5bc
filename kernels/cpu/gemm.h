// The matrix product of the CPU, blocked for the caches, over the register tile of gemm_tile.h.
#pragma once

#include <cstdint>

#include "mien/kernels/cpu/gemm_tile.h"
#include "mien/kernels/geometry.h"
#include "mien/kernels/view.h"

namespace mien::kernels::cpu {

/// c (m, n) = op(a) (m, k) · op(b) (k, n), on all threads. The sum over k is one chain within each block of
/// multiply_depth values, and the blocks are added in order. `packed_b`: b as pack_matrix left it; null: packed here.
void multiply(const float* a, const float* b, float* c, const MatmulGeometry& g, const float* packed_b = nullptr);

/// The second operand of a product in memory as the tiles read it, for one that meets many others: floats that op(b)
/// takes, and the packing. It holds for any number of rows of a, and for the instruction set in use alone.
std::int64_t packed_matrix_size(const MatmulGeometry& g);
void pack_matrix(const float* b, const MatmulGeometry& g, float* packed);

/// The same for the weights of a dense layer, and the layer computed from them. `packed` may be null.
std::int64_t packed_weights_size(const DenseGeometry& g);
void pack_dense_weights(const float* w, const DenseGeometry& g, float* packed);
void dense_forward_packed(View<const float> x, View<const float> w, const float* packed, View<const float> bias,
                          View<float> y, const DenseGeometry& g);

/// The same for few rows and b as it is stored, not transposed: b is read once, in order.
void multiply_few_rows(const float* a, const float* b, float* c, const MatmulGeometry& g);

/// Most rows for which multiply takes multiply_few_rows, where b has not been packed.
inline constexpr int few_rows = 4;
/// Values of k in one block.
inline constexpr int multiply_depth = 256;

}  // namespace mien::kernels::cpu
