// Pooling layers. The arithmetic is core/ops/pool2d.h.
#pragma once

#include "mien/core/ops/pool2d.h"
#include "mien/layers/module.h"

namespace mien {

struct Pool2DLayerOptions {
  Extent2d stride = {0, 0};  ///< 0: as the window
  Padding padding = Padding::valid;
  std::string name = "";
};

class Pool2DModule : public Module {
 public:
  enum class What { maximum, average };
  Pool2DModule(What what, Extent2d size, Pool2DLayerOptions options);
  std::string kind() const override { return what_ == What::maximum ? "MaxPooling2D" : "AveragePooling2D"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<Pool2DModule>(*this); }
  /// Whether it is the pool that a convolution can take over: the maximum of whole 2x2 blocks.
  bool is_max_2x2() const;

 private:
  What what_;
  Pool2dOptions options_;
};

/// x (height, width, channels) → the largest of each window, each channel by itself.
class MaxPool2D : public Layer {
 public:
  explicit MaxPool2D(Extent2d size = 2, Pool2DLayerOptions options = {});
};

/// The mean of each window; cells of the padding do not count, as in Keras.
class AveragePool2D : public Layer {
 public:
  explicit AveragePool2D(Extent2d size = 2, Pool2DLayerOptions options = {});
};

/// The mean of each channel: x (height, width, channels) → (channels), or (1, 1, channels) with keep_dims.
class GlobalAveragePool2D : public Layer {
 public:
  explicit GlobalAveragePool2D(bool keep_dims = false, std::string name = "");
};

/// The largest value of each channel, of the same shape.
class GlobalMaxPool2D : public Layer {
 public:
  explicit GlobalMaxPool2D(bool keep_dims = false, std::string name = "");
};

}  // namespace mien
