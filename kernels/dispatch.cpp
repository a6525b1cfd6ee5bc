// kernels::name(device), written out of signatures.inc. Which devices have kernels is this build's choice:
// MIEN_HAVE_CUDA and MIEN_HAVE_EMULATOR come from CMake.
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels {

bool is_built(Device device) {
  switch (device) {
    case Device::cpu:
      return true;
    case Device::cuda:
#if defined(MIEN_HAVE_CUDA)
      return true;
#else
      return false;
#endif
    case Device::cuda_emulated:
#if defined(MIEN_HAVE_EMULATOR)
      return true;
#else
      return false;
#endif
  }
  return false;
}

namespace {

[[noreturn]] void fail_not_built(Device device) {
  if (device == Device::cuda)
    fail("device",
         "this build has no CUDA kernels. Configure with -DMIEN_CUDA=ON where nvcc is installed, or use the CPU.");
  fail("device", "this build has no emulated CUDA kernels. Configure with -DMIEN_EMULATOR=ON, or use the CPU.");
}

}  // namespace

#if defined(MIEN_HAVE_CUDA)
#define MIEN_CUDA_CASE(name) \
  case Device::cuda:         \
    return cuda::name;
#else
#define MIEN_CUDA_CASE(name)
#endif
#if defined(MIEN_HAVE_EMULATOR)
#define MIEN_EMULATED_CASE(name) \
  case Device::cuda_emulated:    \
    return emulated::name;
#else
#define MIEN_EMULATED_CASE(name)
#endif

#define MIEN_KERNEL(name, ...)        \
  name##_kernel name(Device device) { \
    switch (device) {                 \
      case Device::cpu:               \
        return cpu::name;             \
        MIEN_CUDA_CASE(name)          \
        MIEN_EMULATED_CASE(name)      \
      default:                        \
        fail_not_built(device);       \
    }                                 \
  }
#include "mien/kernels/signatures.inc"

}  // namespace mien::kernels
