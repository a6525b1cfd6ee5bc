#include "mien/data/mixup.h"

#include <algorithm>
#include <cmath>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Tells the streams of mixup, one a step, from those of the transforms, one an epoch.
constexpr std::uint64_t steps_of_mixup = std::uint64_t{1} << 47;

/// A uniform double in (0, 1): never an end, for its logarithm is taken.
double open_uniform(Random& random) { return (random.bits() + 0.5) * 0x1p-32; }

/// The logarithm of a draw from Gamma(shape, 1): for a small shape the draw itself may be too small for a double.
double draw_log_gamma(double shape, Random& random) {
  // Below 1: Gamma(shape) is Gamma(shape + 1) times u^(1 / shape).
  const double boost = shape < 1 ? std::log(open_uniform(random)) / shape : 0;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(open_uniform(random)) < 0.5 * x * x + d * (1 - v + std::log(v))) return boost + std::log(d * v);
  }
}

template <class T>
void mix_into(const T* images, float* result, const Mixup& mixup, std::int64_t size, float scale) {
  const float own = mixup.share * scale, other = (1 - mixup.share) * scale;
  kernels::cpu::parallel_for(static_cast<std::int64_t>(mixup.partner.size()), [&](std::int64_t i) {
    const T* const a = images + i * size;
    const T* const b = images + mixup.partner[static_cast<std::size_t>(i)] * size;
    float* const y = result + i * size;
    for (std::int64_t k = 0; k < size; ++k) y[k] = own * static_cast<float>(a[k]) + other * static_cast<float>(b[k]);
  });
}

}  // namespace

double draw_beta(double alpha, Random& random) {
  const double a = draw_log_gamma(alpha, random), b = draw_log_gamma(alpha, random);
  return std::clamp(1 / (1 + std::exp(b - a)), 0x1p-53, 1 - 0x1p-53);  // x / (x + y)
}

Mixup draw_mixup(double alpha, int count, std::uint64_t seed, std::int64_t step) {
  check(alpha > 0 && std::isfinite(alpha), "mixup", "alpha must be finite and above 0. Got ", alpha, ".");
  Random random(seed, Purpose::augmentation, steps_of_mixup | static_cast<std::uint64_t>(step));
  const double share = draw_beta(alpha, random);
  return {static_cast<float>(std::max(share, 1 - share)), random.permutation(count)};
}

Tensor mixed(const Tensor& images, const Mixup& mixup, float scale) {
  check(images.defined() && images.device() == Device::cpu && images.dtype() != DType::int32, "mixup",
        "pictures must be uint8 or float32, on the CPU.");
  const auto count = static_cast<std::int64_t>(mixup.partner.size());
  check(images.shape().rank() >= 1 && images.shape()[0] == count, "mixup", "there must be one partner for each of the ",
        "pictures. Got ", count, " for pictures of shape ", images.shape(), ".");
  Tensor result = Tensor::empty(images.shape());
  if (count == 0) return result;
  const std::int64_t size = images.size() / count;
  if (images.dtype() == DType::uint8)
    mix_into(images.view<std::uint8_t>().data, result.view().data, mixup, size, scale);
  else
    mix_into(images.view().data, result.view().data, mixup, size, scale);
  return result;
}

Tensor partner_labels(const Tensor& labels, const Mixup& mixup) {
  const std::vector<std::int32_t> own = labels.to_vector<std::int32_t>();
  std::vector<std::int32_t> others;
  for (const int partner : mixup.partner) others.push_back(own.at(static_cast<std::size_t>(partner)));
  return Tensor::from(others, labels.shape());
}

}  // namespace mien
