#include "mien/layers/init.h"

#include <cmath>

#include "mien/core/random.h"

namespace mien {
namespace {

struct Fans {
  double in = 1, out = 1;
};

Fans fans_of(const Shape& shape) {
  if (shape.rank() == 0) return {};
  if (shape.rank() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  double field = 1;
  for (int axis = 0; axis < shape.rank() - 2; ++axis) field *= static_cast<double>(shape[axis]);
  return {field * static_cast<double>(shape[-2]), field * static_cast<double>(shape[-1])};
}

double variance_of(Initializer::Kind kind, Fans fans) {
  switch (kind) {
    case Initializer::Kind::glorot_uniform:
    case Initializer::Kind::glorot_normal:
      return 2 / (fans.in + fans.out);
    case Initializer::Kind::he_uniform:
    case Initializer::Kind::he_normal:
      return 2 / fans.in;
    default:
      return 1 / fans.in;
  }
}

bool is_normal(Initializer::Kind kind) {
  return kind == Initializer::Kind::glorot_normal || kind == Initializer::Kind::he_normal ||
         kind == Initializer::Kind::lecun_normal;
}

/// Deviation of a unit normal that is cut at -2 and 2.
constexpr double truncated_deviation = 0.87962566103423978;

double truncated_normal(Random& random) {
  for (;;)
    if (const double value = random.normal(); std::abs(value) < 2) return value;
}

}  // namespace

Tensor draw(Initializer initializer, const Shape& shape, std::uint64_t seed, std::uint64_t which) {
  using Kind = Initializer::Kind;
  if (initializer.kind == Kind::zeros) return Tensor::zeros(shape);
  if (initializer.kind == Kind::ones) return Tensor::ones(shape);
  if (initializer.kind == Kind::constant) return Tensor::full(shape, initializer.value);
  Tensor tensor = Tensor::empty(shape);
  const double variance = variance_of(initializer.kind, fans_of(shape));
  Random random(seed, Purpose::weights, which);
  float* const values = tensor.view().data;
  if (is_normal(initializer.kind)) {
    const double deviation = std::sqrt(variance) / truncated_deviation;
    for (std::int64_t i = 0; i < shape.size(); ++i)
      values[i] = static_cast<float>(deviation * truncated_normal(random));
  } else {
    const double limit = std::sqrt(3 * variance);
    for (std::int64_t i = 0; i < shape.size(); ++i)
      values[i] = static_cast<float>(limit * (2.0 * random.uniform() - 1.0));
  }
  return tensor;
}

}  // namespace mien
