#include "mien/layers/elementwise.h"

#include <cmath>

#include "mien/core/ops/affine.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/standardize.h"
#include "mien/kernels/error.h"
#include "mien/layers/config_parts.h"

namespace mien {
namespace {

class MergeModule : public Module {
 public:
  MergeModule(BinaryKind what, std::string name) : what_(what) { set_name(std::move(name)); }
  std::string kind() const override {
    return what_ == BinaryKind::add ? "Add" : what_ == BinaryKind::subtract ? "Subtract" : "Multiply";
  }
  LayerConfig config() const override { return begin_config(); }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    check(inputs.size() >= 2 && (what_ != BinaryKind::subtract || inputs.size() == 2), kind(), "the layer takes ",
          what_ == BinaryKind::subtract ? "two inputs. Got " : "two inputs or more. Got ", inputs.size(), ".");
    Shape result = inputs[0].with_batch(1);
    for (std::size_t i = 1; i < inputs.size(); ++i) result = broadcast_shape("merge", result, inputs[i].with_batch(1));
    return result.from(1);
  }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    Tensor result = inputs.at(0);
    for (std::size_t i = 1; i < inputs.size(); ++i) result = combine(result, inputs[i]);
    return result;
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<MergeModule>(*this); }

 private:
  Tensor combine(const Tensor& a, const Tensor& b) const {
    return what_ == BinaryKind::add ? add(a, b) : what_ == BinaryKind::subtract ? subtract(a, b) : multiply(a, b);
  }
  BinaryKind what_;
};

class StandardizeModule : public Module {
 public:
  StandardizeModule(float epsilon, std::string name) : epsilon_(epsilon) {
    check(epsilon > 0 && std::isfinite(epsilon), kind(), "epsilon must be finite and above 0. Got ", epsilon, ".");
    set_name(std::move(name));
  }
  std::string kind() const override { return "Standardize"; }
  /// What it is among Keras's layers: GroupNormalization of one group, without gamma and beta.
  LayerConfig config() const override {
    LayerConfig config = begin_config();
    config.class_name = "GroupNormalization";
    config.add("groups", 1).add("axis", -1).add("epsilon", epsilon_).add("center", false).add("scale", false);
    return config;
  }
  Shape output_shape(const std::vector<Shape>& inputs) const override { return single_input(inputs); }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    return standardize(inputs.at(0), epsilon_);
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<StandardizeModule>(*this); }

 private:
  float epsilon_;
};

class RescalingModule : public Module {
 public:
  RescalingModule(float scale, float offset, std::string name) : scale_(scale), offset_(offset) {
    set_name(std::move(name));
  }
  std::string kind() const override { return "Rescaling"; }
  LayerConfig config() const override { return begin_config().add("scale", scale_).add("offset", offset_); }
  Shape output_shape(const std::vector<Shape>& inputs) const override { return single_input(inputs); }
  Tensor forward(const std::vector<Tensor>& inputs, const Call&) override {
    const Tensor& x = inputs.at(0);
    return x.dtype() == DType::uint8 ? scale_bytes(x, scale_, offset_) : affine(x, scale_, offset_);
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<RescalingModule>(*this); }

 private:
  float scale_, offset_;
};

Activation rectifier(const ReLUOptions& options) {
  const bool bounded = !std::isinf(options.max_value);
  check(options.negative_slope >= 0 && (!bounded || (options.max_value == 6 && options.negative_slope == 0)), "ReLU",
        "max_value must be 6 or infinite, negative_slope 0 or more, and 0 beside a maximum. Got max_value=",
        options.max_value, ", negative_slope=", options.negative_slope, ".");
  if (options.negative_slope > 0) return leaky_relu(options.negative_slope);
  return bounded ? relu6 : relu;
}

}  // namespace

ActivationModule::ActivationModule(Activation activation, std::string kind, std::string name)
    : activation_(activation), kind_(std::move(kind)) {
  set_name(std::move(name));
}

LayerConfig ActivationModule::config() const {
  LayerConfig config = begin_config();
  const bool leaky = activation_.kind == ActivationKind::leaky_relu;
  if (kind_ == "ReLU") {
    config.add("max_value", activation_ == relu6 ? ConfigValue(6.0f) : ConfigValue());
    config.add("negative_slope", leaky ? activation_.slope : 0.0f).add("threshold", 0.0f);
  } else if (kind_ == "LeakyReLU") {
    config.add("negative_slope", activation_.slope);
  } else if (kind_ == "Softmax") {
    config.add("axis", -1);
  } else {
    config.add("activation", to_config(activation_));
  }
  return config;
}

Tensor ActivationModule::forward(const std::vector<Tensor>& inputs, const Call&) {
  return activate(inputs.at(0), activation_);
}

ActivationLayer::ActivationLayer(Activation activation, std::string kind, std::string name)
    : Layer(std::make_shared<ActivationModule>(activation, std::move(kind), std::move(name))) {}
ActivationLayer::ActivationLayer(Activation activation, std::string name)
    : ActivationLayer(activation, "Activation", std::move(name)) {}

ReLU::ReLU(std::string name) : ActivationLayer(relu, "ReLU", std::move(name)) {}
ReLU::ReLU(ReLUOptions options) : ActivationLayer(rectifier(options), "ReLU", std::move(options.name)) {}
LeakyReLU::LeakyReLU(float slope, std::string name)
    : ActivationLayer({ActivationKind::leaky_relu, slope}, "LeakyReLU", std::move(name)) {
  check(slope > 0, "LeakyReLU", "the slope must be above 0. Got ", slope, ".");
}
Softmax::Softmax(std::string name) : ActivationLayer(softmax, "Softmax", std::move(name)) {}

Add::Add(std::string name) : Layer(std::make_shared<MergeModule>(BinaryKind::add, std::move(name))) {}
Subtract::Subtract(std::string name) : Layer(std::make_shared<MergeModule>(BinaryKind::subtract, std::move(name))) {}
Multiply::Multiply(std::string name) : Layer(std::make_shared<MergeModule>(BinaryKind::multiply, std::move(name))) {}

Rescaling::Rescaling(float scale, float offset, std::string name)
    : Layer(std::make_shared<RescalingModule>(scale, offset, std::move(name))) {}

Standardize::Standardize(float epsilon, std::string name)
    : Layer(std::make_shared<StandardizeModule>(epsilon, std::move(name))) {}

}  // namespace mien
