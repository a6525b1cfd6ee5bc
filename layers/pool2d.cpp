#include "mien/layers/pool2d.h"

#include "mien/core/ops/reshape.h"
#include "mien/kernels/error.h"
#include "mien/layers/config_parts.h"

namespace mien {
namespace {

using What = Pool2DModule::What;

class GlobalPool2DModule : public Module {
 public:
  GlobalPool2DModule(What what, bool keep_dims, std::string name) : what_(what), keep_dims_(keep_dims) {
    set_name(std::move(name));
  }
  std::string kind() const override { return what_ == What::maximum ? "GlobalMaxPooling2D" : "GlobalAveragePooling2D"; }
  LayerConfig config() const override {
    return begin_config().add("data_format", "channels_last").add("keepdims", keep_dims_);
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const Shape& input = single_input(inputs, 3);
    return keep_dims_ ? Shape{1, 1, input[2]} : Shape{input[2]};
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const Tensor& x = inputs.at(0);
    if (what_ == What::average) return global_average_pool2d(x, keep_dims_);
    const Tensor y = max_pool2d(x, {.size = {narrow(x.shape()[1], "max_pool2d"), narrow(x.shape()[2], "max_pool2d")}});
    return keep_dims_ ? y : reshape(y, {x.shape()[0], x.shape()[3]});
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<GlobalPool2DModule>(*this); }

 private:
  What what_;
  bool keep_dims_;
};

}  // namespace

Pool2DModule::Pool2DModule(What what, Extent2d size, Pool2DLayerOptions options)
    : what_(what), options_{.size = size, .stride = options.stride, .padding = options.padding} {
  set_name(std::move(options.name));
}

LayerConfig Pool2DModule::config() const {
  // A stride of 0 is the window's, as None is in Keras.
  const ConfigValue stride = options_.stride == Extent2d{0, 0} ? ConfigValue() : to_config(options_.stride);
  LayerConfig config = begin_config();
  config.add("pool_size", to_config(options_.size)).add("padding", to_config(options_.padding)).add("strides", stride);
  return config.add("data_format", "channels_last");
}

Shape Pool2DModule::output_shape(const std::vector<Shape>& inputs) const {
  const Pool2dGeometry g = pool2d_geometry(kind() == "MaxPooling2D" ? "max_pool2d" : "average_pool2d",
                                           single_input(inputs, 3).with_batch(1), options_);
  return {g.height.output, g.width.output, g.channels};
}

Tensor Pool2DModule::forward(const std::vector<Tensor>& inputs, const Call&) {
  return what_ == What::maximum ? max_pool2d(inputs.at(0), options_) : average_pool2d(inputs.at(0), options_);
}

bool Pool2DModule::is_max_2x2() const {
  const auto two_or_same = [](int stride) { return stride == 0 || stride == 2; };
  return what_ == What::maximum && options_.size.height == 2 && options_.size.width == 2 &&
         two_or_same(options_.stride.height) && two_or_same(options_.stride.width) &&
         options_.padding == Padding::valid;
}

MaxPool2D::MaxPool2D(Extent2d size, Pool2DLayerOptions options)
    : Layer(std::make_shared<Pool2DModule>(Pool2DModule::What::maximum, size, std::move(options))) {}

AveragePool2D::AveragePool2D(Extent2d size, Pool2DLayerOptions options)
    : Layer(std::make_shared<Pool2DModule>(Pool2DModule::What::average, size, std::move(options))) {}

GlobalAveragePool2D::GlobalAveragePool2D(bool keep_dims, std::string name)
    : Layer(std::make_shared<GlobalPool2DModule>(What::average, keep_dims, std::move(name))) {}

GlobalMaxPool2D::GlobalMaxPool2D(bool keep_dims, std::string name)
    : Layer(std::make_shared<GlobalPool2DModule>(What::maximum, keep_dims, std::move(name))) {}

}  // namespace mien
