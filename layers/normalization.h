// Numbers brought to mean 0 and variance 1 by constants that were known, or measured, before training: Keras's
// Normalization layer.
#pragma once

#include <vector>

#include "mien/layers/module.h"

namespace mien {

struct NormalizationOptions {
  std::vector<float> mean = {};      ///< one number for each channel, or one for all
  std::vector<float> variance = {};  ///< the same number of them
  bool invert = false;               ///< the way back: x * deviation + mean
  std::string name = "";
};

class NormalizationModule : public Module {
 public:
  explicit NormalizationModule(NormalizationOptions options);
  std::string kind() const override { return "Normalization"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<NormalizationModule>(*this); }
  const NormalizationOptions& options() const { return options_; }

 private:
  NormalizationOptions options_;
};

/// x (…, channels), floats or bytes → (x - mean) / max(deviation, 1e-7). It has no weights: the constants are options.
class Normalization : public Layer {
 public:
  explicit Normalization(NormalizationOptions options);
  /// With the mean and variance of each channel of `samples` (count, …, channels): Keras's adapt().
  static Normalization adapted_to(const Tensor& samples, std::string name = "");
};

}  // namespace mien
