// Depthwise convolution, then a 1x1 convolution across the channels: nearly as expressive as a full convolution at a
// fraction of the products (Chollet, "Xception", 2017).
#pragma once

#include <utility>

#include "mien/layers/conv2d.h"

namespace mien {

/// What a SeparableConv2D can be told besides filters and kernel; the defaults are Keras's. Stride, padding and
/// dilation are the depthwise part's; bias and activation follow the 1x1 part.
struct SeparableConv2DLayerOptions {
  Extent2d stride = 1;
  Padding padding = Padding::valid;
  Extent2d dilation = 1;
  int depth_multiplier = 1;  ///< depthwise filters an input channel
  Activation activation = linear;
  bool use_bias = true;
  Initializer depthwise_initializer = glorot_uniform;
  Initializer pointwise_initializer = glorot_uniform;
  Initializer bias_initializer = zeros;
  Regularizer depthwise_regularizer = {};
  Regularizer pointwise_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Conv2dAlgorithm algorithm = Conv2dAlgorithm::automatic;
  std::string name = "";
};

class SeparableConv2DModule : public Module {
 public:
  SeparableConv2DModule(int filters, Extent2d kernel, SeparableConv2DLayerOptions options);
  std::string kind() const override { return "SeparableConv2D"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  void build(const std::vector<Shape>& inputs) override;
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<SeparableConv2DModule>(*this); }
  std::int64_t multiply_adds(const std::vector<Shape>& inputs) const override;

  /// The same as two layers, with copies of the weights: a DepthwiseConv2D without bias, "NAME_depthwise", and a
  /// Conv2D 1x1, "NAME".
  std::pair<Layer, Layer> parts() const;
  int filters() const { return filters_; }
  Extent2d kernel() const { return kernel_; }
  const SeparableConv2DLayerOptions& options() const { return options_; }

 private:
  /// Of the op for the depthwise part, which takes its kernel as (kh, kw, 1, channels * multiplier).
  Conv2dOptions depthwise_options(const Shape& input) const;
  Shape op_kernel_shape(const Shape& input) const;

  int filters_;
  Extent2d kernel_;
  SeparableConv2DLayerOptions options_;
};

/// x (height, width, channels) → (height', width', filters). Weights: depthwise_kernel (kh, kw, channels,
/// depth_multiplier), pointwise_kernel (1, 1, channels * depth_multiplier, filters), bias (filters).
class SeparableConv2D : public Layer {
 public:
  SeparableConv2D(int filters, Extent2d kernel, SeparableConv2DLayerOptions options = {});
};

}  // namespace mien
