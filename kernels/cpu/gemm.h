// The matrix product of the CPU, blocked for the caches, over the register tile of gemm_tile.h.
#pragma once

#include <cstdint>

#include "mien/kernels/cpu/gemm_tile.h"
#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// c (m, n) = op(a) (m, k) · op(b) (k, n), on all threads. The sum over k is one chain within each block of
/// multiply_depth values, and the blocks are added in order.
void multiply(const float* a, const float* b, float* c, const MatmulGeometry& g);

/// Values of k in one block.
inline constexpr int multiply_depth = 256;

}  // namespace mien::kernels::cpu
