// The rules by which a backend picks a convolution's algorithm, for the ops to follow, the summary to print and the
// tests to check.
#pragma once

#include "mien/kernels/geometry.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/settings.h"

namespace mien::kernels {

/// Whether the gradients go back through the fused pool entry by entry (conv2d_sparse_backward_…), or through the dense
/// gradient that conv2d_epilogue_backward spreads out: where the kernels exist, if asked for, and on the CPU by itself.
constexpr bool sparse_gradients(Device device, const Conv2dGeometry& g, Conv2dAlgorithm algorithm) {
  const bool wanted =
      algorithm == Conv2dAlgorithm::sparse || (algorithm == Conv2dAlgorithm::automatic && device == Device::cpu);
  return wanted && g.pool && g.is_plain_3x3();
}

namespace cpu {

/// What `Conv2dAlgorithm::automatic` stands for with this geometry. It does not depend on the batch: a picture's result
/// has the same bits in any company.
Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry& g, Conv2dPass pass);

/// What runs where `algorithm` is asked for: the rule's choice for `automatic`, `direct` for one that does not apply.
Conv2dAlgorithm resolve_conv2d_algorithm(Conv2dAlgorithm algorithm, const Conv2dGeometry& g, Conv2dPass pass);

}  // namespace cpu
}  // namespace mien::kernels
