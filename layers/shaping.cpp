#include "mien/layers/shaping.h"

#include "mien/core/ops/concatenate.h"
#include "mien/core/ops/reshape.h"
#include "mien/core/ops/reverse_channels.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/up_sampling2d.h"
#include "mien/core/ops/zero_pad2d.h"
#include "mien/kernels/error.h"
#include "mien/layers/config_parts.h"

namespace mien {
namespace {

/// Flatten, where no shape is given, and Reshape.
class ReshapeModule : public Module {
 public:
  ReshapeModule(bool flatten, const Shape& shape, std::string name) : flatten_(flatten), shape_(shape) {
    set_name(std::move(name));
  }
  std::string kind() const override { return flatten_ ? "Flatten" : "Reshape"; }
  LayerConfig config() const override {
    if (flatten_) return begin_config().add("data_format", "channels_last");
    ConfigValue::List lengths;
    for (const std::int64_t length : shape_) lengths.push_back(length);
    return begin_config().add("target_shape", lengths);
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const Shape& input = single_input(inputs);
    if (flatten_) return {input.size()};
    check(input.size() == shape_.size(), kind(), "both shapes must have as many elements. Got ", input, " and ", shape_,
          ".");
    return shape_;
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const Tensor& x = inputs.at(0);
    return reshape(x, output_shape({x.shape().from(1)}).with_batch(x.shape()[0]));
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<ReshapeModule>(*this); }
  bool is_alias() const override { return true; }

 private:
  bool flatten_;
  Shape shape_;
};

class Cropping2DModule : public Module {
 public:
  Cropping2DModule(Border border, std::string name) : border_(border) { set_name(std::move(name)); }
  std::string kind() const override { return "Cropping2D"; }
  LayerConfig config() const override {
    return begin_config().add("cropping", to_config(border_)).add("data_format", "channels_last");
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const Shape& input = single_input(inputs, 3);
    const Shape kept{input[0] - border_.top - border_.bottom, input[1] - border_.left - border_.right, input[2]};
    check(kept[0] > 0 && kept[1] > 0, kind(), "the border must leave something of the picture. Got ", input, ".");
    return kept;
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override { return crop2d(inputs.at(0), border_); }
  std::shared_ptr<Module> clone() const override { return std::make_shared<Cropping2DModule>(*this); }

 private:
  Border border_;
};

class UpSampling2DModule : public Module {
 public:
  UpSampling2DModule(Extent2d size, std::string name) : size_(size) { set_name(std::move(name)); }
  std::string kind() const override { return "UpSampling2D"; }
  LayerConfig config() const override {
    LayerConfig config = begin_config();
    config.add("size", to_config(size_)).add("data_format", "channels_last").add("interpolation", "nearest");
    return config;
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const UpSampling2dGeometry g = up_sampling2d_geometry(single_input(inputs, 3).with_batch(1), size_);
    return {g.y_height(), g.y_width(), g.channels};
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override { return up_sampling2d(inputs.at(0), size_); }
  std::shared_ptr<Module> clone() const override { return std::make_shared<UpSampling2DModule>(*this); }

 private:
  Extent2d size_;
};

/// The same with interpolation "bilinear".
class SmoothUpSampling2DModule : public Module {
 public:
  SmoothUpSampling2DModule(Extent2d size, std::string name) : size_(size) { set_name(std::move(name)); }
  std::string kind() const override { return "UpSampling2D"; }
  LayerConfig config() const override {
    LayerConfig config = begin_config();
    config.add("size", to_config(size_)).add("data_format", "channels_last").add("interpolation", "bilinear");
    return config;
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const UpSampling2dGeometry g = up_sampling2d_geometry(single_input(inputs, 3).with_batch(1), size_);
    return {g.y_height(), g.y_width(), g.channels};
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const UpSampling2dGeometry g = up_sampling2d_geometry(inputs.at(0).shape(), size_);
    return resize2d(inputs.at(0), {g.y_height(), g.y_width()});
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<SmoothUpSampling2DModule>(*this); }

 private:
  Extent2d size_;
};

std::shared_ptr<Module> up_sampling_module(Extent2d size, Resampling resampling, std::string name) {
  check(resampling != Resampling::area, "UpSampling2D", "new pixels are repetitions (nearest) or means (bilinear).");
  if (resampling == Resampling::nearest) return std::make_shared<UpSampling2DModule>(size, std::move(name));
  return std::make_shared<SmoothUpSampling2DModule>(size, std::move(name));
}

class ConcatenateModule : public Module {
 public:
  ConcatenateModule(int axis, std::string name) : axis_(axis) { set_name(std::move(name)); }
  std::string kind() const override { return "Concatenate"; }
  /// Keras counts the batch as axis 0.
  LayerConfig config() const override { return begin_config().add("axis", axis_ < 0 ? axis_ : axis_ + 1); }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    check(!inputs.empty(), kind(), "at least one input is needed.");
    Shape result = inputs[0];
    const int axis = axis_of(result);
    std::int64_t length = 0;
    for (const Shape& input : inputs) {
      check(input.rank() == result.rank() && input.with(axis, 1) == result.with(axis, 1), kind(),
            "inputs must agree on all axes but ", axis_, ". Got ", inputs[0], " and ", input, ".");
      length += input[axis];
    }
    return result.with(axis, length);
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    return concatenate(inputs, axis_of(inputs.at(0).shape().from(1)) + 1);
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<ConcatenateModule>(*this); }

 private:
  int axis_of(const Shape& shape) const { return axis_ < 0 ? axis_ + shape.rank() : axis_; }
  int axis_;
};

class ReverseChannelsModule : public Module {
 public:
  explicit ReverseChannelsModule(std::string name) { set_name(std::move(name)); }
  std::string kind() const override { return "ReverseChannels"; }
  /// As Keras's op behind keras.ops.flip(x, axis=-1).
  LayerConfig config() const override {
    LayerConfig config = begin_config();
    config.class_name = "Flip";
    return config.add("axis", -1);
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const Shape& input = single_input(inputs);
    check(input.rank() >= 1, kind(), "the input must have channels. Got ", input, ".");
    return input;
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const Tensor& x = inputs.at(0);
    return reverse_channels(x.dtype() == DType::uint8 ? scale_bytes(x, 1) : x);
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<ReverseChannelsModule>(*this); }
};

}  // namespace

ZeroPadding2DModule::ZeroPadding2DModule(Border border, std::string name) : border_(border) {
  set_name(std::move(name));
}

LayerConfig ZeroPadding2DModule::config() const {
  return begin_config().add("padding", to_config(border_)).add("data_format", "channels_last");
}

Shape ZeroPadding2DModule::output_shape(const std::vector<Shape>& inputs) const {
  const Shape& input = single_input(inputs, 3);
  return {input[0] + border_.top + border_.bottom, input[1] + border_.left + border_.right, input[2]};
}

Tensor ZeroPadding2DModule::forward(const std::vector<Tensor>& inputs, const Call&) {
  return zero_pad2d(inputs.at(0), border_);
}

Flatten::Flatten(std::string name) : Layer(std::make_shared<ReshapeModule>(true, Shape{}, std::move(name))) {}

Reshape::Reshape(const Shape& shape, std::string name)
    : Layer(std::make_shared<ReshapeModule>(false, shape, std::move(name))) {}

ZeroPadding2D::ZeroPadding2D(Border border, std::string name)
    : Layer(std::make_shared<ZeroPadding2DModule>(border, std::move(name))) {}

Cropping2D::Cropping2D(Border border, std::string name)
    : Layer(std::make_shared<Cropping2DModule>(border, std::move(name))) {}

UpSampling2D::UpSampling2D(Extent2d size, std::string name)
    : UpSampling2D(size, Resampling::nearest, std::move(name)) {}

UpSampling2D::UpSampling2D(Extent2d size, Resampling resampling, std::string name)
    : Layer(up_sampling_module(size, resampling, std::move(name))) {}

Concatenate::Concatenate(int axis, std::string name)
    : Layer(std::make_shared<ConcatenateModule>(axis, std::move(name))) {}

ReverseChannels::ReverseChannels(std::string name) : Layer(std::make_shared<ReverseChannelsModule>(std::move(name))) {}

}  // namespace mien
