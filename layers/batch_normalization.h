// Batch normalisation over the last axis (Ioffe and Szegedy, 2015), as Keras does it.
#pragma once

#include "mien/layers/module.h"

namespace mien {

/// The defaults are Keras's; other frameworks call 1 - momentum the momentum.
struct BatchNormalizationOptions {
  float momentum = 0.99f;
  float epsilon = 1e-3f;
  bool center = true;  ///< has beta
  bool scale = true;   ///< has gamma
  std::string name = "";
};

class BatchNormalizationModule : public Module {
 public:
  explicit BatchNormalizationModule(BatchNormalizationOptions options);
  std::string kind() const override { return "BatchNormalization"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override { return single_input(inputs); }
  void build(const std::vector<Shape>& inputs) override;
  /// In training, unless the layer is frozen, with the batch's own statistics; else with the moving ones.
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<BatchNormalizationModule>(*this); }

  /// How much of the moving statistics each training step keeps, 0 … 1. Published networks have what suited millions of
  /// steps; a short training needs less.
  void set_momentum(float momentum);

  /// The layer in inference as y = scale * x + offset per channel.
  void as_affine(std::vector<float>& scale, std::vector<float>& offset) const;

 private:
  BatchNormalizationOptions options_;
};

/// x (…, channels) → the same shape. Weights: gamma, beta, moving_mean, moving_variance (channels).
class BatchNormalization : public Layer {
 public:
  explicit BatchNormalization(BatchNormalizationOptions options = {});
};

}  // namespace mien
