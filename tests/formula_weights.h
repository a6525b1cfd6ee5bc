// Weights and inputs by the formula of tests/golden/architectures.json: the same numbers as Keras was given, from a few
// lines in place of hundreds of megabytes.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "mien/layers/model.h"

namespace mien::test {

/// From -1 to 1, exact in float32.
inline double hash_uniform(std::uint32_t seed, std::uint32_t k, std::uint32_t i) {
  std::uint32_t h = seed * 0x85EBCA77u + k * 0x9E3779B9u + i;
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= h >> 13;
  h *= 0xC2B2AE35u;
  h ^= h >> 16;
  return static_cast<double>(h >> 8) / 8388608.0 - 1.0;
}

/// offset + scale * u, or |u|, each computed in double and rounded once.
inline Tensor formula_tensor(const Shape& shape, std::uint32_t seed, std::uint32_t k, double scale, double offset,
                             bool positive = false) {
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    const double u = hash_uniform(seed, k, i);
    values[i] = static_cast<float>(offset + scale * (positive ? std::abs(u) : u));
  }
  return Tensor::from(values, shape);
}

/// Gives every weight its value. `gain` scales the kernels, so that activations stay near 1 through the network.
inline void set_formula_weights(Model& net, std::uint32_t seed, double gain) {
  std::uint32_t k = 0;
  for (const Layer& layer : net.layers())
    for (const auto& parameter : layer->parameters()) {
      const Shape& shape = parameter->value.shape();
      const std::string& name = parameter->name;
      const bool depthwise = layer->kind() == "DepthwiseConv2D" || name == "depthwise_kernel";
      const std::int64_t fan_in = depthwise ? shape[0] * shape[1] : shape.size() / shape[-1];
      if (name.find("kernel") != std::string::npos)
        parameter->value.copy_from(formula_tensor(shape, seed, k, std::sqrt(gain / static_cast<double>(fan_in)), 0));
      else if (name == "gamma")
        parameter->value.copy_from(formula_tensor(shape, seed, k, 0.1, 1));
      else if (name == "moving_variance")
        parameter->value.copy_from(formula_tensor(shape, seed, k, 0.5, 1, true));
      else
        parameter->value.copy_from(formula_tensor(shape, seed, k, 0.1, 0));
      ++k;
    }
  net.mark_initialized();
}

}  // namespace mien::test
