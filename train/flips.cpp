#include "mien/train/flips.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mien/core/autograd.h"
#include "mien/core/ops/softmax.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

template <class T>
void mirror_into(const Tensor& pictures, Tensor& result) {
  const std::int64_t rows = pictures.shape()[0] * pictures.shape()[1], width = pictures.shape()[2],
                     channels = pictures.shape()[3];
  const T* const from = pictures.view<T>().data;
  T* const to = result.view<T>().data;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < width; ++column)
      std::copy_n(from + (row * width + column) * channels, channels,
                  to + (row * width + width - 1 - column) * channels);
}

}  // namespace

Tensor mirrored(const Tensor& pictures) {
  check(pictures.defined() && pictures.shape().rank() == 4 && pictures.dtype() != DType::int32 &&
            pictures.device() == Device::cpu,
        "mirrored", "pictures must be (count, height, width, channels), uint8 or float32, on the CPU.");
  Tensor result = Tensor::empty(pictures.shape(), Device::cpu, pictures.dtype());
  pictures.dtype() == DType::uint8 ? mirror_into<std::uint8_t>(pictures, result) : mirror_into<float>(pictures, result);
  return result;
}

Tensor logits_of_mean(const Tensor& a, const Tensor& b) {
  const NoGrad no_grad;
  check(a.shape() == b.shape(), "logits_of_mean", "both must have the same shape. Got ", a.shape(), " and ", b.shape(),
        ".");
  std::vector<float> mean = softmax(a).to_vector();
  const std::vector<float> other = softmax(b).to_vector();
  for (std::size_t i = 0; i < mean.size(); ++i)  // one that vanished in both keeps a logarithm
    mean[i] = std::log(std::max((mean[i] + other[i]) / 2, std::numeric_limits<float>::min()));
  return Tensor::from(mean, a.shape(), a.device());
}

}  // namespace mien
