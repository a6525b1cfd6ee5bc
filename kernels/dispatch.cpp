// kernels::name(backend), written out of signatures.inc. Which backends exist is this build's choice: MIEN_HAVE_CUDA
// and MIEN_HAVE_EMULATOR come from CMake.
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels {

bool is_built(Backend backend) {
  switch (backend) {
    case Backend::cpu:
      return true;
    case Backend::cuda:
#if defined(MIEN_HAVE_CUDA)
      return true;
#else
      return false;
#endif
    case Backend::emulated:
#if defined(MIEN_HAVE_EMULATOR)
      return true;
#else
      return false;
#endif
  }
  return false;
}

namespace {

[[noreturn]] void fail_not_built(Backend backend) {
  if (backend == Backend::cuda)
    fail("device",
         "this build has no CUDA kernels. Configure with -DMIEN_CUDA=ON where nvcc is installed, or use the CPU.");
  fail("device", "this build has no emulated CUDA kernels. Configure with -DMIEN_EMULATOR=ON, or use the CPU.");
}

}  // namespace

#if defined(MIEN_HAVE_CUDA)
#define MIEN_CUDA_CASE(name) \
  case Backend::cuda:        \
    return cuda::name;
#else
#define MIEN_CUDA_CASE(name)
#endif
#if defined(MIEN_HAVE_EMULATOR)
#define MIEN_EMULATED_CASE(name) \
  case Backend::emulated:        \
    return emulated::name;
#else
#define MIEN_EMULATED_CASE(name)
#endif

#define MIEN_KERNEL(name, ...)          \
  name##_kernel name(Backend backend) { \
    switch (backend) {                  \
      case Backend::cpu:                \
        return cpu::name;               \
        MIEN_CUDA_CASE(name)            \
        MIEN_EMULATED_CASE(name)        \
      default:                          \
        fail_not_built(backend);        \
    }                                   \
  }
#include "mien/kernels/signatures.inc"

}  // namespace mien::kernels
