// Sliding windows, seen from a thread: which pixel it has, and which window lies over it.
#pragma once

#include "mien/kernels/cuda/launch.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

/// A pixel of one image of a batch.
struct Pixel {
  int image, row, column;
};

/// Pixel number `index` of a batch of images.
__device__ inline Pixel pixel(int index, int height, int width) {
  return {index / width / height, index / width % height, index % width};
}

/// The position of the window along an axis that has tap `tap` on `cell`, or -1 where none has.
__device__ inline int position_over(const WindowAxis& axis, int cell, int tap) {
  const int from_first = cell - axis.cell(0, tap);
  const bool lands = from_first >= 0 && from_first % axis.stride == 0 && from_first / axis.stride < axis.output;
  return lands ? from_first / axis.stride : -1;
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
