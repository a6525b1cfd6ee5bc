#include "mien/kernels/cuda/tensor_cores.h"

#include "mien/kernels/precision.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

#if defined(MIEN_KERNELS_EMULATED)

bool has_tensor_cores() { return true; }

bool use_tensor_cores() { return float32_precision(Device::cuda_emulated) == Float32Precision::high; }

#else

namespace {

// What the kernels were compiled for is asked of one of them: code for an older card also runs on a newer one.
__global__ void compiled_for() {}

}  // namespace

bool has_tensor_cores() {
  static const bool has = [] {
    cudaFuncAttributes attributes{};
    check_cuda(cudaFuncGetAttributes(&attributes, compiled_for), "tensor cores");
    return attributes.ptxVersion >= 80;
  }();
  return has;
}

bool use_tensor_cores() { return float32_precision(Device::cuda) == Float32Precision::high && has_tensor_cores(); }

#endif

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
