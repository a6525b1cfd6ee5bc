#include "mien/layers/dense.h"

#include "mien/core/ops/affine.h"
#include "mien/core/ops/dense.h"
#include "mien/core/ops/penalty.h"
#include "mien/layers/config_parts.h"

namespace mien {

DenseModule::DenseModule(int units, DenseLayerOptions options) : units_(units), options_(std::move(options)) {
  check(units >= 1, "Dense", "at least one unit is needed. Got ", units, ".");
  set_name(options_.name);
}

LayerConfig DenseModule::config() const {
  LayerConfig config = begin_config();
  config.add("units", units_).add("activation", to_config(options_.activation)).add("use_bias", options_.use_bias);
  config.add("kernel_initializer", to_config(options_.kernel_initializer));
  config.add("bias_initializer", to_config(options_.bias_initializer));
  config.add("kernel_regularizer", to_config(options_.kernel_regularizer));
  config.add("bias_regularizer", to_config(options_.bias_regularizer));
  config.add("activity_regularizer", to_config(options_.activity_regularizer));
  return config;
}

Shape DenseModule::output_shape(const std::vector<Shape>& inputs) const {
  const Shape& input = single_input(inputs);
  check(input.rank() >= 1, "Dense", "the input must have at least one axis besides the batch.");
  return input.with(-1, units_);
}

void DenseModule::build(const std::vector<Shape>& inputs) {
  add_parameter("kernel", {single_input(inputs)[-1], units_}, options_.kernel_initializer, options_.kernel_regularizer);
  if (options_.use_bias) add_parameter("bias", {units_}, options_.bias_initializer, options_.bias_regularizer);
}

std::int64_t DenseModule::multiply_adds(const std::vector<Shape>& inputs) const { return inputs.at(0).size() * units_; }

Tensor DenseModule::prepare(const std::vector<Shape>&) const {
  return options_.activation.kind == ActivationKind::softmax ? Tensor() : prepare_dense(parameter("kernel"));
}

Tensor DenseModule::forward(const std::vector<Tensor>& inputs, const Call& call) {
  if (call.prepared.defined())
    return dense_prepared(inputs.at(0), call.prepared, parameter("kernel").shape(), parameter("bias"),
                          options_.activation);
  const Tensor y = dense(inputs.at(0), parameter("kernel"), parameter("bias"), options_.activation);
  if (options_.activity_regularizer.active() && call.penalties) {
    const Regularizer r = options_.activity_regularizer;
    call.penalties->push_back(affine(penalty(y, r.l1, r.l2), 1.0f / static_cast<float>(y.shape()[0]), 0));
  }
  return y;
}

Dense::Dense(int units, DenseLayerOptions options) : Layer(std::make_shared<DenseModule>(units, std::move(options))) {}

}  // namespace mien
