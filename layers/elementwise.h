// Layers that work element by element: activations, sums and products of branches, rescaling, standardising.
#pragma once

#include <limits>

#include "mien/core/ops/activation.h"
#include "mien/layers/module.h"

namespace mien {

class ActivationModule : public Module {
 public:
  ActivationModule(Activation activation, std::string kind, std::string name);
  std::string kind() const override { return kind_; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override { return single_input(inputs); }
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<ActivationModule>(*this); }
  Activation activation() const { return activation_; }

 private:
  Activation activation_;
  std::string kind_;
};

/// Any activation as a layer of its own: ActivationLayer(sigmoid). Keras calls it Activation.
class ActivationLayer : public Layer {
 public:
  explicit ActivationLayer(Activation activation, std::string name = "");

 protected:
  ActivationLayer(Activation activation, std::string kind, std::string name);
};

/// Keras's settings of its ReLU layer, as far as there are activations for them: a maximum of 6, or none; a slope only
/// without a maximum.
struct ReLUOptions {
  float max_value = std::numeric_limits<float>::infinity();
  float negative_slope = 0;
  std::string name = "";
};

/// max(x, 0); with max_value 6 also at most 6 (ReLU6), with negative_slope that times x below 0.
class ReLU : public ActivationLayer {
 public:
  explicit ReLU(std::string name = "");
  explicit ReLU(ReLUOptions options);
};

/// x where it is positive, slope * x elsewhere. Keras's layer has 0.3 (its function 0.2).
class LeakyReLU : public ActivationLayer {
 public:
  explicit LeakyReLU(float slope = 0.3f, std::string name = "");
};

/// Softmax over the last axis.
class Softmax : public ActivationLayer {
 public:
  explicit Softmax(std::string name = "");
};

/// The sum of two or more inputs; shapes broadcast.
class Add : public Layer {
 public:
  explicit Add(std::string name = "");
};

/// First input minus second.
class Subtract : public Layer {
 public:
  explicit Subtract(std::string name = "");
};

/// The product of two or more inputs; shapes broadcast.
class Multiply : public Layer {
 public:
  explicit Multiply(std::string name = "");
};

/// Each picture brought to mean 0 and variance 1 over all its elements (core/ops/standardize.h): networks behind it see
/// the pattern of a picture, not how light or contrasty it is.
class Standardize : public Layer {
 public:
  explicit Standardize(float epsilon = 1e-3f, std::string name = "");
};

/// scale * x + offset: Rescaling(1 / 255.0f) takes pixels to 0 … 1.
class Rescaling : public Layer {
 public:
  explicit Rescaling(float scale, float offset = 0, std::string name = "");
};

}  // namespace mien
