// Layers that move numbers and compute none: Flatten, Reshape, ZeroPadding2D, Cropping2D, UpSampling2D, Concatenate,
// ReverseChannels.
#pragma once

#include "mien/core/ops/resize2d.h"
#include "mien/core/ops/window.h"
#include "mien/layers/module.h"

namespace mien {

/// (a, b, c) → (a * b * c).
class Flatten : public Layer {
 public:
  explicit Flatten(std::string name = "");
};

/// To any shape of the same size.
class Reshape : public Layer {
 public:
  explicit Reshape(const Shape& shape, std::string name = "");
};

class ZeroPadding2DModule : public Module {
 public:
  ZeroPadding2DModule(Border border, std::string name);
  std::string kind() const override { return "ZeroPadding2D"; }
  LayerConfig config() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override;
  std::shared_ptr<Module> clone() const override { return std::make_shared<ZeroPadding2DModule>(*this); }
  const Border& border() const { return border_; }

 private:
  Border border_;
};

/// Zeros round height and width.
class ZeroPadding2D : public Layer {
 public:
  explicit ZeroPadding2D(Border border, std::string name = "");
  explicit ZeroPadding2D(int cells = 1, std::string name = "")
      : ZeroPadding2D(Border{cells, cells, cells, cells}, name) {}
};

/// Height and width without a border: Keras's Cropping2D.
class Cropping2D : public Layer {
 public:
  explicit Cropping2D(Border border, std::string name = "");
  explicit Cropping2D(int cells, std::string name = "") : Cropping2D(Border{cells, cells, cells, cells}, name) {}
};

/// `size` times as high and wide: each pixel repeated over a block, or with means of neighbours between them (bilinear;
/// Keras's "interpolation").
class UpSampling2D : public Layer {
 public:
  explicit UpSampling2D(Extent2d size = 2, std::string name = "");
  UpSampling2D(Extent2d size, Resampling resampling, std::string name = "");
};

/// Several inputs behind one another along an axis (of the shape without the batch; -1: the last, channels). Lengths of
/// the other axes must agree.
class Concatenate : public Layer {
 public:
  explicit Concatenate(int axis = -1, std::string name = "");
};

/// The last axis back to front, of floats or bytes: RGB becomes BGR.
class ReverseChannels : public Layer {
 public:
  explicit ReverseChannels(std::string name = "");
};

}  // namespace mien
