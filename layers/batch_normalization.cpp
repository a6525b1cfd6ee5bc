#include "mien/layers/batch_normalization.h"

#include <cmath>

#include "mien/core/ops/batch_norm.h"
#include "mien/kernels/error.h"
#include "mien/layers/config_parts.h"

namespace mien {

BatchNormalizationModule::BatchNormalizationModule(BatchNormalizationOptions options) : options_(std::move(options)) {
  check(options_.momentum >= 0 && options_.momentum <= 1, kind(), "momentum must lie in 0 … 1. Got ", options_.momentum,
        ".");
  check(options_.epsilon > 0, kind(), "epsilon must be above 0. Got ", options_.epsilon, ".");
  set_name(options_.name);
}

LayerConfig BatchNormalizationModule::config() const {
  LayerConfig config = begin_config();
  config.add("axis", -1).add("momentum", options_.momentum).add("epsilon", options_.epsilon);
  config.add("center", options_.center).add("scale", options_.scale);
  return config;
}

void BatchNormalizationModule::build(const std::vector<Shape>& inputs) {
  const Shape channels{single_input(inputs)[-1]};
  if (options_.scale) add_parameter("gamma", channels, ones);
  if (options_.center) add_parameter("beta", channels, zeros);
  add_parameter("moving_mean", channels, zeros, {}, true);
  add_parameter("moving_variance", channels, ones, {}, true);
}

Tensor BatchNormalizationModule::forward(const std::vector<Tensor>& inputs, const Call& call) {
  const BatchNormMode mode = !call.training ? BatchNormMode::inference
                             : trainable()  ? BatchNormMode::training
                                            : BatchNormMode::frozen;
  return batch_norm(inputs.at(0), parameter("gamma"), parameter("beta"), parameter("moving_mean"),
                    parameter("moving_variance"),
                    {.epsilon = options_.epsilon, .momentum = options_.momentum, .mode = mode});
}

void BatchNormalizationModule::set_momentum(float momentum) {
  check(momentum >= 0 && momentum <= 1, name().empty() ? kind() : name(), "momentum must lie in 0 … 1. Got ", momentum,
        ".");
  options_.momentum = momentum;
}

void BatchNormalizationModule::as_affine(std::vector<float>& scale, std::vector<float>& offset) const {
  const std::vector<float> mean = parameter("moving_mean").to_vector(),
                           variance = parameter("moving_variance").to_vector();
  scale = options_.scale ? parameter("gamma").to_vector() : std::vector<float>(mean.size(), 1.0f);
  offset = options_.center ? parameter("beta").to_vector() : std::vector<float>(mean.size(), 0.0f);
  for (std::size_t i = 0; i < mean.size(); ++i) {
    scale[i] /= std::sqrt(variance[i] + options_.epsilon);
    offset[i] -= mean[i] * scale[i];
  }
}

BatchNormalization::BatchNormalization(BatchNormalizationOptions options)
    : Layer(std::make_shared<BatchNormalizationModule>(std::move(options))) {}

}  // namespace mien
