// Two-dimensional convolution, plain and depthwise. The arithmetic is the op conv2d (core/ops/conv2d.h).
#pragma once

#include "mien/core/ops/activation.h"
#include "mien/core/ops/conv2d.h"
#include "mien/layers/module.h"

namespace mien {

/// What a Conv2D can be told besides filters and kernel; the defaults are Keras's.
struct Conv2DLayerOptions {
  Extent2d stride = 1;
  Padding padding = Padding::valid;
  Border border = {};  ///< the padding of Padding::explicit_cells
  Extent2d dilation = 1;
  int groups = 1;
  Activation activation = linear;
  bool use_bias = true;
  Initializer kernel_initializer = glorot_uniform;
  Initializer bias_initializer = zeros;
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Conv2dAlgorithm algorithm = Conv2dAlgorithm::automatic;
  std::string name = "";
};

/// What is merged into a convolution when a plan is made (plan.h).
struct Conv2DEpilogue {
  Activation activation = linear;  ///< of a following activation layer, where the convolution itself is linear
  bool pool = false;               ///< a following 2x2 max-pool
  bool residual = false;           ///< a second input is added before the activation (inference only)
  friend bool operator==(const Conv2DEpilogue&, const Conv2DEpilogue&) = default;
};

class Conv2DModule : public Module {
 public:
  Conv2DModule(int filters, Extent2d kernel, Conv2DLayerOptions options, bool depthwise = false);
  std::string kind() const override { return depthwise_ ? "DepthwiseConv2D" : "Conv2D"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  void build(const std::vector<Shape>& inputs) override;
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  Tensor prepare(const std::vector<Shape>& inputs) const override { return prepare_fused(inputs.at(0), {}); }
  std::shared_ptr<Module> clone() const override { return std::make_shared<Conv2DModule>(*this); }
  std::int64_t multiply_adds(const std::vector<Shape>& inputs) const override;

  /// prepare() and forward() with what the plan merged into it, in one op.
  Tensor prepare_fused(const Shape& input, const Conv2DEpilogue& epilogue) const;
  Tensor forward_fused(const std::vector<Tensor>& inputs, const Call& call, const Conv2DEpilogue& epilogue);
  /// The geometry for one picture of this shape.
  Conv2dGeometry geometry(const Shape& input) const;
  /// A copy that computes scale * (this convolution without its bias) + offset, per output channel: batch normalisation
  /// folded in. scale and offset are (filters).
  std::shared_ptr<Conv2DModule> folded(const std::vector<float>& scale, const std::vector<float>& offset) const;
  /// A copy that puts a border of zeros round its input itself; `padded` is the shape of the input with it.
  std::shared_ptr<Conv2DModule> bordered(const Border& zeros, const Shape& padded) const;
  const Conv2DLayerOptions& options() const { return options_; }

 private:
  Shape kernel_shape(const Shape& input) const;
  Conv2dOptions op_options(const Shape& input, const Conv2DEpilogue& epilogue) const;
  /// Of the op's weights: depthwise kernels (kh, kw, channels, multiplier) are (kh, kw, 1, out) to it, the same numbers
  /// in the same order.
  Shape op_kernel_shape(const Shape& input) const;
  int filters_for(const Shape& input) const;

  int filters_;  ///< depthwise: filters per input channel
  Extent2d kernel_;
  Conv2DLayerOptions options_;
  bool depthwise_;
};

/// x (height, width, channels) → (height', width', filters). Weights: kernel (kh, kw, in / groups, filters), bias
/// (filters).
class Conv2D : public Layer {
 public:
  Conv2D(int filters, Extent2d kernel, Conv2DLayerOptions options = {});
};

/// Each channel by itself: x (height, width, channels) → (height', width', channels * depth_multiplier). Weights:
/// kernel (kh, kw, channels, depth_multiplier), bias.
class DepthwiseConv2D : public Layer {
 public:
  explicit DepthwiseConv2D(Extent2d kernel, Conv2DLayerOptions options = {}, int depth_multiplier = 1);
};

}  // namespace mien
