// The kernels by name: each backend's in its own namespace, and a dispatch that picks one.
//
//   kernels::conv2d_forward(device)(x, w, bias, y, argmax, geometry, algorithm);
#pragma once

#include <cstddef>
#include <cstdint>

#include "mien/kernels/geometry.h"
#include "mien/kernels/settings.h"
#include "mien/kernels/view.h"

namespace mien {

/// Where a tensor lives and a kernel runs.
enum class Device : std::uint8_t {
  cpu,
  cuda,           ///< a GPU
  cuda_emulated,  ///< the CUDA kernels, compiled for the host: every CUDA thread a fiber
};

}  // namespace mien

namespace mien::kernels {

/// Whether this build holds the device's kernels.
bool is_built(Device device);

// The kernels themselves.
#define MIEN_KERNEL(name, ...) void name(__VA_ARGS__);
namespace cpu {
#include "mien/kernels/signatures.inc"
}
namespace cuda {
#include "mien/kernels/signatures.inc"
}
namespace emulated {
#include "mien/kernels/signatures.inc"
}
#undef MIEN_KERNEL

// The dispatch: name(device) is the kernel. Throws Error where this build lacks the device's kernels.
#define MIEN_KERNEL(name, ...)                 \
  using name##_kernel = void (*)(__VA_ARGS__); \
  name##_kernel name(Device device);
#include "mien/kernels/signatures.inc"
#undef MIEN_KERNEL

}  // namespace mien::kernels
