// A fully connected layer.
#pragma once

#include "mien/core/ops/activation.h"
#include "mien/layers/module.h"

namespace mien {

/// What a Dense can be told besides its units; the defaults are Keras's.
struct DenseLayerOptions {
  Activation activation = linear;
  bool use_bias = true;
  Initializer kernel_initializer = glorot_uniform;
  Initializer bias_initializer = zeros;
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  std::string name = "";
};

class DenseModule : public Module {
 public:
  DenseModule(int units, DenseLayerOptions options);
  std::string kind() const override { return "Dense"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  void build(const std::vector<Shape>& inputs) override;
  Tensor prepare(const std::vector<Shape>& inputs) const override;
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<DenseModule>(*this); }
  std::int64_t multiply_adds(const std::vector<Shape>& inputs) const override;
  const DenseLayerOptions& options() const { return options_; }

 private:
  int units_;
  DenseLayerOptions options_;
};

/// x (…, in) → activation(x · kernel + bias) (…, units). Weights: kernel (in, units), bias (units).
class Dense : public Layer {
 public:
  explicit Dense(int units, DenseLayerOptions options = {});
};

}  // namespace mien
