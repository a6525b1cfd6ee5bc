// Whether there are tensor cores, and whether they may be used.
#pragma once

#include "mien/kernels/cuda/launch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// Whether this device has tensor cores for TF32 and the kernels were compiled for them: compute capability 8.0. The
/// emulator has.
bool has_tensor_cores();

/// Whether products of float32 go there where the choice is the library's: float32_precision() allows, and it has them.
bool use_tensor_cores();

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
