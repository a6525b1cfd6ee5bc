#include "mien/layers/separable_conv2d.h"

#include "mien/core/check.h"
#include "mien/core/ops/affine.h"
#include "mien/core/ops/penalty.h"
#include "mien/core/ops/reshape.h"
#include "mien/layers/config_parts.h"

namespace mien {

SeparableConv2DModule::SeparableConv2DModule(int filters, Extent2d kernel, SeparableConv2DLayerOptions options)
    : filters_(filters), kernel_(kernel), options_(std::move(options)) {
  check(filters >= 1 && options_.depth_multiplier >= 1, kind(), "at least one filter is needed in each part. Got ",
        options_.depth_multiplier, " a channel and ", filters, ".");
  check(kernel.height >= 1 && kernel.width >= 1, kind(), "the kernel must cover at least one cell. Got ", kernel.height,
        "x", kernel.width, ".");
  set_name(options_.name);
}

LayerConfig SeparableConv2DModule::config() const {
  LayerConfig config = begin_config();
  config.add("filters", filters_).add("kernel_size", to_config(kernel_)).add("strides", to_config(options_.stride));
  config.add("padding", to_config(options_.padding)).add("data_format", "channels_last");
  config.add("dilation_rate", to_config(options_.dilation)).add("depth_multiplier", options_.depth_multiplier);
  config.add("activation", to_config(options_.activation)).add("use_bias", options_.use_bias);
  config.add("depthwise_initializer", to_config(options_.depthwise_initializer));
  config.add("pointwise_initializer", to_config(options_.pointwise_initializer));
  config.add("bias_initializer", to_config(options_.bias_initializer));
  config.add("depthwise_regularizer", to_config(options_.depthwise_regularizer));
  config.add("pointwise_regularizer", to_config(options_.pointwise_regularizer));
  config.add("bias_regularizer", to_config(options_.bias_regularizer));
  return config.add("activity_regularizer", to_config(options_.activity_regularizer));
}

Conv2dOptions SeparableConv2DModule::depthwise_options(const Shape& input) const {
  Conv2dOptions options;
  options.stride = options_.stride;
  options.padding = options_.padding;
  options.dilation = options_.dilation;
  options.groups = narrow(input[2], "SeparableConv2D");
  options.algorithm = options_.algorithm;
  return options;
}

Shape SeparableConv2DModule::op_kernel_shape(const Shape& input) const {
  return {kernel_.height, kernel_.width, 1, input[2] * options_.depth_multiplier};
}

Shape SeparableConv2DModule::output_shape(const std::vector<Shape>& inputs) const {
  const Shape& input = single_input(inputs, 3);
  const Conv2dGeometry g =
      conv2d_geometry(input.with_batch(1), op_kernel_shape(input), std::nullopt, depthwise_options(input));
  return {g.height.output, g.width.output, filters_};
}

void SeparableConv2DModule::build(const std::vector<Shape>& inputs) {
  const Shape& input = single_input(inputs, 3);
  add_parameter("depthwise_kernel", {kernel_.height, kernel_.width, input[2], options_.depth_multiplier},
                options_.depthwise_initializer, options_.depthwise_regularizer);
  add_parameter("pointwise_kernel", {1, 1, input[2] * options_.depth_multiplier, filters_},
                options_.pointwise_initializer, options_.pointwise_regularizer);
  if (options_.use_bias) add_parameter("bias", {filters_}, options_.bias_initializer, options_.bias_regularizer);
}

Tensor SeparableConv2DModule::forward(const std::vector<Tensor>& inputs, const Call& call) {
  const Tensor& x = inputs.at(0);
  const Shape input = x.shape().from(1);
  const Tensor between =
      conv2d(x, reshape(parameter("depthwise_kernel"), op_kernel_shape(input)), {}, depthwise_options(input));
  const Tensor y = conv2d(between, parameter("pointwise_kernel"), parameter("bias"),
                          {.activation = options_.activation, .algorithm = options_.algorithm});
  if (options_.activity_regularizer.active() && call.penalties) {
    const Regularizer r = options_.activity_regularizer;
    call.penalties->push_back(affine(penalty(y, r.l1, r.l2), 1.0f / static_cast<float>(y.shape()[0]), 0));
  }
  return y;
}

std::int64_t SeparableConv2DModule::multiply_adds(const std::vector<Shape>& inputs) const {
  const Shape &input = inputs.at(0), output = output_shape(inputs);
  const std::int64_t channels = input[2] * options_.depth_multiplier;
  return output[0] * output[1] * channels * (std::int64_t{kernel_.height} * kernel_.width + filters_);
}

std::pair<Layer, Layer> SeparableConv2DModule::parts() const {
  check(is_built(), kind(), "only a layer that has its weights falls into parts.");
  const DepthwiseConv2D depthwise(kernel_,
                                  {.stride = options_.stride,
                                   .padding = options_.padding,
                                   .dilation = options_.dilation,
                                   .use_bias = false,
                                   .algorithm = options_.algorithm,
                                   .name = name() + "_depthwise"},
                                  options_.depth_multiplier);
  const Conv2D pointwise(filters_, 1,
                         {.activation = options_.activation,
                          .use_bias = options_.use_bias,
                          .algorithm = options_.algorithm,
                          .name = name()});
  depthwise->build_once(built_for());
  pointwise->build_once({depthwise->output_shape(built_for())});
  depthwise->parameters()[0]->value = parameter("depthwise_kernel").detach().clone();
  pointwise->parameters()[0]->value = parameter("pointwise_kernel").detach().clone();
  if (options_.use_bias) pointwise->parameters()[1]->value = parameter("bias").detach().clone();
  return {depthwise, pointwise};
}

SeparableConv2D::SeparableConv2D(int filters, Extent2d kernel, SeparableConv2DLayerOptions options)
    : Layer(std::make_shared<SeparableConv2DModule>(filters, kernel, std::move(options))) {}

}  // namespace mien
