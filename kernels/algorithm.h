// The rule by which a backend picks a convolution's algorithm, for the summary to print and the tests to check.
#pragma once

#include "mien/kernels/geometry.h"
#include "mien/kernels/settings.h"

namespace mien::kernels::cpu {

/// What `Conv2dAlgorithm::automatic` stands for with this geometry, forward and backward.
Conv2dAlgorithm choose_conv2d_algorithm(const Conv2dGeometry& g);

}  // namespace mien::kernels::cpu
