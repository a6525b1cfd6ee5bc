#include "mien/layers/conv2d.h"

#include "mien/core/check.h"
#include "mien/core/ops/affine.h"
#include "mien/core/ops/penalty.h"
#include "mien/core/ops/reshape.h"
#include "mien/layers/config_parts.h"

namespace mien {

Conv2DModule::Conv2DModule(int filters, Extent2d kernel, Conv2DLayerOptions options, bool depthwise)
    : filters_(filters), kernel_(kernel), options_(std::move(options)), depthwise_(depthwise) {
  check(filters >= 1, kind(), "at least one filter is needed. Got ", filters, ".");
  check(kernel.height >= 1 && kernel.width >= 1, kind(), "the kernel must cover at least one cell. Got ", kernel.height,
        "x", kernel.width, ".");
  check(!depthwise || options_.groups == 1, kind(), "groups are given by the channels. Got groups=", options_.groups,
        ".");
  set_name(options_.name);
}

LayerConfig Conv2DModule::config() const {
  LayerConfig config = begin_config();
  config.add(depthwise_ ? "depth_multiplier" : "filters", filters_).add("kernel_size", to_config(kernel_));
  config.add("strides", to_config(options_.stride)).add("padding", to_config(options_.padding));
  if (options_.padding == Padding::explicit_cells) config.add("border", to_config(options_.border));
  config.add("data_format", "channels_last").add("dilation_rate", to_config(options_.dilation));
  if (!depthwise_) config.add("groups", options_.groups);
  config.add("activation", to_config(options_.activation)).add("use_bias", options_.use_bias);
  const std::string kernel = depthwise_ ? "depthwise" : "kernel";
  config.add(kernel + "_initializer", to_config(options_.kernel_initializer));
  config.add("bias_initializer", to_config(options_.bias_initializer));
  config.add(kernel + "_regularizer", to_config(options_.kernel_regularizer));
  config.add("bias_regularizer", to_config(options_.bias_regularizer));
  config.add("activity_regularizer", to_config(options_.activity_regularizer));
  return config;
}

int Conv2DModule::filters_for(const Shape& input) const {
  return depthwise_ ? narrow(filters_ * input[2], "DepthwiseConv2D") : filters_;
}

Shape Conv2DModule::kernel_shape(const Shape& input) const {
  if (depthwise_) return {kernel_.height, kernel_.width, input[2], filters_};
  check(options_.groups >= 1 && input[2] % options_.groups == 0 && filters_ % options_.groups == 0, kind(),
        "groups must divide channels and filters. Got groups=", options_.groups, ", channels=", input[2],
        ", filters=", filters_, ".");
  return {kernel_.height, kernel_.width, input[2] / options_.groups, filters_};
}

Shape Conv2DModule::op_kernel_shape(const Shape& input) const {
  const Shape kernel = kernel_shape(input);
  return {kernel[0], kernel[1], depthwise_ ? 1 : kernel[2], filters_for(input)};
}

Conv2dOptions Conv2DModule::op_options(const Shape& input, const Conv2DEpilogue& epilogue) const {
  Conv2dOptions options;
  options.stride = options_.stride;
  options.padding = options_.padding;
  options.border = options_.border;
  options.dilation = options_.dilation;
  options.groups = depthwise_ ? narrow(input[2], "DepthwiseConv2D") : options_.groups;
  options.activation = options_.activation == linear ? epilogue.activation : options_.activation;
  options.pool = epilogue.pool;
  options.algorithm = options_.algorithm;
  return options;
}

Conv2dGeometry Conv2DModule::geometry(const Shape& input) const {
  const Shape weights = op_kernel_shape(input);
  return conv2d_geometry(input.with_batch(1), weights,
                         options_.use_bias ? std::optional(Shape{weights[3]}) : std::nullopt, op_options(input, {}));
}

Shape Conv2DModule::output_shape(const std::vector<Shape>& inputs) const {
  const Conv2dGeometry g = geometry(single_input(inputs, 3));
  return {g.height.output, g.width.output, g.out_channels};
}

std::int64_t Conv2DModule::multiply_adds(const std::vector<Shape>& inputs) const {
  return geometry(inputs.at(0)).multiply_adds();
}

void Conv2DModule::build(const std::vector<Shape>& inputs) {
  const Shape& input = single_input(inputs, 3);
  add_parameter("kernel", kernel_shape(input), options_.kernel_initializer, options_.kernel_regularizer);
  if (options_.use_bias)
    add_parameter("bias", {filters_for(input)}, options_.bias_initializer, options_.bias_regularizer);
}

Tensor Conv2DModule::forward(const std::vector<Tensor>& inputs, const Call& call) {
  return forward_fused(inputs, call, {});
}

Tensor Conv2DModule::prepare_fused(const Shape& input, const Conv2DEpilogue& epilogue) const {
  const Conv2dOptions options = op_options(input, epilogue);
  if (options.activation.kind == ActivationKind::softmax) return {};
  return prepare_conv2d(input.with_batch(1), reshape(parameter("kernel"), op_kernel_shape(input)).detach(),
                        options_.use_bias, options);
}

Tensor Conv2DModule::forward_fused(const std::vector<Tensor>& inputs, const Call& call,
                                   const Conv2DEpilogue& epilogue) {
  const Tensor& x = inputs.at(0);
  const Shape input = x.shape().from(1);
  const Conv2dOptions options = op_options(input, epilogue);
  const Tensor residual = epilogue.residual ? inputs.at(1) : Tensor();
  if (call.prepared.defined())
    return conv2d_prepared(x, call.prepared, op_kernel_shape(input), parameter("bias"), options, residual);
  check(!epilogue.residual, kind(), "a residual is added to a convolution of prepared weights only.");
  Tensor kernel = parameter("kernel");
  if (depthwise_) kernel = reshape(kernel, op_kernel_shape(input));
  const Tensor y = conv2d(x, kernel, parameter("bias"), options);
  if (options_.activity_regularizer.active() && call.penalties) {
    const Regularizer r = options_.activity_regularizer;
    call.penalties->push_back(affine(penalty(y, r.l1, r.l2), 1.0f / static_cast<float>(y.shape()[0]), 0));
  }
  return y;
}

std::shared_ptr<Conv2DModule> Conv2DModule::folded(const std::vector<float>& scale,
                                                   const std::vector<float>& offset) const {
  const Tensor& kernel = parameter("kernel");
  const std::size_t filters = scale.size();
  std::vector<float> weights = kernel.to_vector();
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= scale[i % filters];
  std::vector<float> bias = options_.use_bias ? parameter("bias").to_vector() : std::vector<float>(filters);
  for (std::size_t i = 0; i < filters; ++i) bias[i] = bias[i] * scale[i] + offset[i];
  Conv2DLayerOptions options = options_;
  options.use_bias = true;
  auto result = std::make_shared<Conv2DModule>(filters_, kernel_, options, depthwise_);
  result->set_name(name());
  result->build_once(built_for());
  result->parameters()[0]->value = Tensor::from(weights, kernel.shape(), kernel.device());
  result->parameters()[1]->value = Tensor::from(bias, {static_cast<std::int64_t>(filters)}, kernel.device());
  return result;
}

std::shared_ptr<Conv2DModule> Conv2DModule::bordered(const Border& zeros, const Shape& padded) const {
  const Conv2dGeometry g = geometry(padded);
  auto result = std::make_shared<Conv2DModule>(*this);
  result->options_.padding = Padding::explicit_cells;
  result->options_.border = {zeros.top + g.height.padding_begin, zeros.bottom + g.height.padding_end,
                             zeros.left + g.width.padding_begin, zeros.right + g.width.padding_end};
  return result;
}

Conv2D::Conv2D(int filters, Extent2d kernel, Conv2DLayerOptions options)
    : Layer(std::make_shared<Conv2DModule>(filters, kernel, std::move(options))) {}

DepthwiseConv2D::DepthwiseConv2D(Extent2d kernel, Conv2DLayerOptions options, int depth_multiplier)
    : Layer(std::make_shared<Conv2DModule>(depth_multiplier, kernel, std::move(options), true)) {}

}  // namespace mien
