#include "mien/layers/normalization.h"

#include <algorithm>
#include <cmath>

#include "mien/core/check.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/layers/config_parts.h"

namespace mien {

NormalizationModule::NormalizationModule(NormalizationOptions options) : options_(std::move(options)) {
  check(!options_.mean.empty() && options_.mean.size() == options_.variance.size(), kind(),
        "as many variances as means are needed, and at least one. Got ", options_.mean.size(), " means and ",
        options_.variance.size(), " variances.");
  for (const float variance : options_.variance)
    check(variance >= 0, kind(), "a variance must be 0 or more. Got ", variance, ".");
  set_name(options_.name);
}

LayerConfig NormalizationModule::config() const {
  LayerConfig config = begin_config();
  config.add("axis", -1).add("invert", options_.invert);
  return config.add("mean", to_config(options_.mean)).add("variance", to_config(options_.variance));
}

Shape NormalizationModule::output_shape(const std::vector<Shape>& inputs) const {
  const Shape& input = single_input(inputs);
  const auto constants = static_cast<std::int64_t>(options_.mean.size());
  check(constants == 1 || (input.rank() > 0 && input[-1] == constants), kind(),
        "there must be one mean for each channel", ", or one for all. Got ", constants, " for an input of shape ",
        input, ".");
  return input;
}

Tensor NormalizationModule::forward(const std::vector<Tensor>& inputs, const Call&) {
  const Tensor& given = inputs.at(0);
  const Tensor x = given.dtype() == DType::uint8 ? scale_bytes(given, 1) : given;
  std::vector<float> scale, offset;  // as in batch normalisation, one product and one sum
  for (std::size_t i = 0; i < options_.mean.size(); ++i) {
    const float deviation = std::max(std::sqrt(options_.variance[i]), 1e-7f);
    scale.push_back(options_.invert ? deviation : 1 / deviation);
    offset.push_back(options_.invert ? options_.mean[i] : -options_.mean[i]);
  }
  const Shape constants{static_cast<std::int64_t>(scale.size())};
  const Tensor product = Tensor::from(scale, constants, x.device()), sum = Tensor::from(offset, constants, x.device());
  return options_.invert ? add(multiply(x, product), sum) : multiply(add(x, sum), product);
}

Normalization::Normalization(NormalizationOptions options)
    : Layer(std::make_shared<NormalizationModule>(std::move(options))) {}

Normalization Normalization::adapted_to(const Tensor& samples, std::string name) {
  const char* const op = "Normalization";
  check(samples.defined() && samples.shape().rank() >= 2 && samples.size() > 0, op,
        "samples must have a first axis that counts them, and channels.");
  const std::vector<float> values =
      (samples.dtype() == DType::uint8 ? scale_bytes(samples, 1) : samples).detach().to_vector();
  const auto channels = static_cast<std::size_t>(samples.shape()[-1]);
  const double count = static_cast<double>(values.size() / channels);
  std::vector<double> mean(channels), variance(channels);
  for (std::size_t i = 0; i < values.size(); ++i) mean[i % channels] += values[i] / count;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double difference = values[i] - mean[i % channels];
    variance[i % channels] += difference * difference / count;
  }
  return Normalization(
      {.mean = {mean.begin(), mean.end()}, .variance = {variance.begin(), variance.end()}, .name = std::move(name)});
}

}  // namespace mien
