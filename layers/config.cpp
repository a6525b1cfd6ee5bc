#include "mien/layers/config.h"

#include <limits>
#include <map>

#include "mien/core/numbers.h"
#include "mien/layers/config_parts.h"
#include "mien/layers/layers.h"

namespace mien {
namespace {

/// What convolutions and dense layers share; `kernel` is how Keras calls their kernel: "kernel", "depthwise".
template <class Options>
Options weighted_options(Arguments& arguments, const std::string& kernel = "kernel") {
  Options options;
  options.activation = arguments.activation();
  options.use_bias = arguments.flag("use_bias", true);
  options.kernel_initializer = arguments.initializer(kernel + "_initializer", glorot_uniform);
  options.bias_initializer = arguments.initializer("bias_initializer", zeros);
  options.kernel_regularizer = arguments.regularizer(kernel + "_regularizer");
  options.bias_regularizer = arguments.regularizer("bias_regularizer");
  options.activity_regularizer = arguments.regularizer("activity_regularizer");
  options.name = arguments.name();
  return options;
}

Conv2DLayerOptions convolution_options(Arguments& arguments, const std::string& kernel) {
  auto options = weighted_options<Conv2DLayerOptions>(arguments, kernel);
  options.stride = arguments.extent("strides", 1);
  options.padding = arguments.padding();
  if (options.padding == Padding::explicit_cells) options.border = arguments.border("border", {});
  options.dilation = arguments.extent("dilation_rate", 1);
  arguments.only("data_format", "channels_last");
  return options;
}

Layer make_conv2d(Arguments& arguments) {
  const int filters = arguments.integer("filters");
  const Extent2d kernel = arguments.extent("kernel_size");
  Conv2DLayerOptions options = convolution_options(arguments, "kernel");
  options.groups = arguments.integer("groups", 1);
  return Conv2D(filters, kernel, options);
}

Layer make_depthwise_conv2d(Arguments& arguments) {
  const Extent2d kernel = arguments.extent("kernel_size");
  const int multiplier = arguments.integer("depth_multiplier", 1);
  arguments.only("groups", 1);
  for (const char* part : {"_initializer", "_regularizer"})  // Keras 2 writes Conv2D's beside its own: never used
    arguments.ignore(std::string("kernel") + part);
  return DepthwiseConv2D(kernel, convolution_options(arguments, "depthwise"), multiplier);
}

Layer make_separable_conv2d(Arguments& arguments) {
  const int filters = arguments.integer("filters");
  const Extent2d kernel = arguments.extent("kernel_size");
  SeparableConv2DLayerOptions options;
  options.stride = arguments.extent("strides", 1);
  options.padding = arguments.padding();
  options.dilation = arguments.extent("dilation_rate", 1);
  options.depth_multiplier = arguments.integer("depth_multiplier", 1);
  options.activation = arguments.activation();
  options.use_bias = arguments.flag("use_bias", true);
  options.depthwise_initializer = arguments.initializer("depthwise_initializer", glorot_uniform);
  options.pointwise_initializer = arguments.initializer("pointwise_initializer", glorot_uniform);
  options.bias_initializer = arguments.initializer("bias_initializer", zeros);
  options.depthwise_regularizer = arguments.regularizer("depthwise_regularizer");
  options.pointwise_regularizer = arguments.regularizer("pointwise_regularizer");
  options.bias_regularizer = arguments.regularizer("bias_regularizer");
  options.activity_regularizer = arguments.regularizer("activity_regularizer");
  options.name = arguments.name();
  arguments.only("data_format", "channels_last");
  arguments.only("groups", 1);
  for (const char* part : {"_initializer", "_regularizer"})  // Keras 2 writes Conv2D's beside its own: never used
    arguments.ignore(std::string("kernel") + part);
  return SeparableConv2D(filters, kernel, options);
}

Layer make_dense(Arguments& arguments) {
  const int units = arguments.integer("units");
  return Dense(units, weighted_options<DenseLayerOptions>(arguments));
}

template <class Pool>
Layer make_pool(Arguments& arguments) {
  const Extent2d size = arguments.extent("pool_size", 2);
  const Extent2d stride = arguments.extent("strides", {0, 0});
  arguments.only("data_format", "channels_last");
  return Pool(size, {.stride = stride, .padding = arguments.padding(), .name = arguments.name()});
}

template <class Pool>
Layer make_global_pool(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  return Pool(arguments.flag("keepdims", false), arguments.name());
}

Layer make_batch_normalization(Arguments& arguments) {
  BatchNormalizationOptions options{.name = arguments.name()};
  arguments.only("axis", -1);
  options.momentum = arguments.number("momentum", options.momentum);
  options.epsilon = arguments.number("epsilon", options.epsilon);
  options.center = arguments.flag("center", true);
  options.scale = arguments.flag("scale", true);
  for (const char* const weight : {"beta", "gamma", "moving_mean", "moving_variance"})
    arguments.ignore(std::string(weight) + "_initializer");
  for (const char* const unused : {"renorm_momentum", "fused"}) arguments.ignore(unused);
  return BatchNormalization(options);
}

/// The one setting of it that there is here: each picture by itself, whole, without weights.
Layer make_group_normalization(Arguments& arguments) {
  arguments.only("groups", 1);
  arguments.only("axis", -1);
  for (const char* const off : {"center", "scale"}) arguments.only(off, false);
  for (const char* const weight : {"beta", "gamma"}) arguments.ignore(std::string(weight) + "_initializer");
  return Standardize(arguments.number("epsilon", 1e-3f), arguments.name());
}

Layer make_activation(Arguments& arguments) { return ActivationLayer(arguments.activation(), arguments.name()); }

/// Keras's ReLU with its three settings, as far as there are activations for it.
Layer make_relu(Arguments& arguments) {
  constexpr float none = std::numeric_limits<float>::infinity();
  const float slope = arguments.number("negative_slope", 0), largest = arguments.number("max_value", none);
  arguments.only("threshold", 0);
  check(largest == none || (largest == 6 && slope == 0), "make_layer", "layer \"", arguments.name(),
        "\" (ReLU): max_value can be 6 where negative_slope is 0, or none. Got max_value=", largest,
        ", negative_slope=", slope, ".");
  const Activation activation = slope > 0      ? Activation(leaky_relu(slope))
                                : largest == 6 ? Activation(relu6)
                                               : Activation(relu);
  check(slope >= 0, "make_layer", "layer \"", arguments.name(), "\" (ReLU): negative_slope must be 0 or more. Got ",
        slope, ".");
  return Layer(std::make_shared<ActivationModule>(activation, "ReLU", arguments.name()));
}

Layer make_leaky_relu(Arguments& arguments) {
  const float alpha = arguments.number("alpha", 0.3f);  // as Keras 2 calls it
  return LeakyReLU(arguments.number("negative_slope", alpha), arguments.name());
}

Layer make_softmax(Arguments& arguments) {
  arguments.only("axis", -1);
  return Softmax(arguments.name());
}

template <class Merge>
Layer make_merge(Arguments& arguments) {
  return Merge(arguments.name());
}

Layer make_rescaling(Arguments& arguments) {
  const float scale = arguments.number("scale", 1), offset = arguments.number("offset", 0);
  return Rescaling(scale, offset, arguments.name());
}

/// With constants alone: one that was adapted to data keeps them as weights in Keras, which there are none of here.
Layer make_normalization(Arguments& arguments) {
  arguments.only("axis", -1);
  return Normalization({.mean = arguments.numbers("mean"),
                        .variance = arguments.numbers("variance"),
                        .invert = arguments.flag("invert", false),
                        .name = arguments.name()});
}

/// Keras's op behind keras.ops.flip.
Layer make_flip(Arguments& arguments) {
  check(arguments.integer("axis") == -1, "make_layer", "layer \"", arguments.name(),
        "\" (Flip): only the last axis can be turned round, axis -1.");
  return ReverseChannels(arguments.name());
}

Layer make_dropout(Arguments& arguments) {
  arguments.ignore("seed");  // the masks are our own
  return Dropout(arguments.number("rate", 0.5f), arguments.name());
}

Layer make_flatten(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  return Flatten(arguments.name());
}

Layer make_reshape(Arguments& arguments) {
  Shape shape;
  for (const int length : arguments.integers("target_shape")) {
    check(length >= 1, "make_layer", "layer \"", arguments.name(),
          "\" (Reshape): the lengths of target_shape must be given, at least 1 each. Got ", length, ".");
    shape.append(length);
  }
  return Reshape(shape, arguments.name());
}

Layer make_zero_padding(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  return ZeroPadding2D(arguments.border("padding", {1, 1, 1, 1}), arguments.name());
}

Layer make_cropping(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  return Cropping2D(arguments.border("cropping", {}), arguments.name());
}

Resampling resampling_of(Arguments& arguments, std::string_view otherwise) {
  const std::string name = arguments.text("interpolation", otherwise);
  if (name == "nearest") return Resampling::nearest;
  if (name == "area") return Resampling::area;
  check(name == "bilinear", "make_layer", "layer \"", arguments.name(),
        "\": interpolation can be nearest, bilinear or area. Got \"", name, "\".");
  return Resampling::bilinear;
}

Layer make_up_sampling(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  const Extent2d size = arguments.extent("size", 2);
  const Resampling resampling = resampling_of(arguments, "nearest");
  check(resampling != Resampling::area, "make_layer", "layer \"", arguments.name(),
        "\" (UpSampling2D): interpolation can be nearest or bilinear. Got \"area\".");
  return UpSampling2D(size, resampling, arguments.name());
}

Layer make_resizing(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  const int height = arguments.integer("height"), width = arguments.integer("width");
  ResizingOptions options{.resampling = resampling_of(arguments, "bilinear"),
                          .antialias = arguments.flag("antialias", false),
                          .name = arguments.name()};
  const bool crop = arguments.flag("crop_to_aspect_ratio", false), pad = arguments.flag("pad_to_aspect_ratio", false);
  check(!crop || !pad, "make_layer", "layer \"", arguments.name(),
        "\" (Resizing): crop_to_aspect_ratio and pad_to_aspect_ratio exclude one another.");
  options.aspect_ratio = crop ? AspectRatio::crop : pad ? AspectRatio::pad : AspectRatio::stretch;
  arguments.only("fill_mode", "constant");
  arguments.only("fill_value", 0);
  return Resizing({height, width}, options);
}

Layer make_center_crop(Arguments& arguments) {
  arguments.only("data_format", "channels_last");
  const int height = arguments.integer("height"), width = arguments.integer("width");
  return CenterCrop({height, width}, arguments.name());
}

Layer make_concatenate(Arguments& arguments) {
  const int axis = arguments.integer("axis", -1);
  check(axis != 0, "make_layer", "layer \"", arguments.name(), "\" (Concatenate): axis 0 is the batch.");
  return Concatenate(axis < 0 ? axis : axis - 1, arguments.name());
}

using Maker = Layer (*)(Arguments&);

/// Null where there is no class of that name (Keras's).
Maker maker_of(std::string_view class_name) {
  static const std::map<std::string, Maker, std::less<>> makers{
      {"Activation", make_activation},
      {"Add", make_merge<Add>},
      {"AveragePooling2D", make_pool<AveragePool2D>},
      {"BatchNormalization", make_batch_normalization},
      {"CenterCrop", make_center_crop},
      {"Concatenate", make_concatenate},
      {"Conv2D", make_conv2d},
      {"Cropping2D", make_cropping},
      {"Dense", make_dense},
      {"DepthwiseConv2D", make_depthwise_conv2d},
      {"Dropout", make_dropout},
      {"Flatten", make_flatten},
      {"Flip", make_flip},
      {"GlobalAveragePooling2D", make_global_pool<GlobalAveragePool2D>},
      {"GlobalMaxPooling2D", make_global_pool<GlobalMaxPool2D>},
      {"GroupNormalization", make_group_normalization},
      {"LeakyReLU", make_leaky_relu},
      {"MaxPooling2D", make_pool<MaxPool2D>},
      {"Multiply", make_merge<Multiply>},
      {"Normalization", make_normalization},
      {"ReLU", make_relu},
      {"Rescaling", make_rescaling},
      {"Reshape", make_reshape},
      {"Resizing", make_resizing},
      {"SeparableConv2D", make_separable_conv2d},
      {"Softmax", make_softmax},
      {"Subtract", make_merge<Subtract>},
      {"UpSampling2D", make_up_sampling},
      {"ZeroPadding2D", make_zero_padding},
  };
  const auto found = makers.find(class_name);
  return found == makers.end() ? nullptr : found->second;
}

}  // namespace

ConfigValue::ConfigValue(float number) : value(parse_number(shortest(number)).value()) {}

LayerConfig& LayerConfig::add(std::string name, ConfigValue value) {
  arguments.emplace_back(std::move(name), std::move(value));
  return *this;
}

const ConfigValue* LayerConfig::find(std::string_view name) const {
  for (const auto& [argument, value] : arguments)
    if (argument == name) return &value;
  return nullptr;
}

std::string LayerConfig::name() const {
  const ConfigValue* const found = find("name");
  const std::string* const text = found ? found->get_if<std::string>() : nullptr;
  return text ? *text : "";
}

bool operator==(const LayerConfig& a, const LayerConfig& b) {
  return a.class_name == b.class_name && a.arguments == b.arguments;
}

std::string to_text(const ConfigValue& value) {
  if (const auto* flag = value.get_if<bool>()) return *flag ? "true" : "false";
  if (const auto* integer = value.get_if<std::int64_t>()) return std::to_string(*integer);
  if (const auto* number = value.get_if<double>()) return shortest(*number);
  if (const auto* text = value.get_if<std::string>()) return '"' + *text + '"';
  if (const auto* list = value.get_if<ConfigValue::List>()) {
    std::string text = "[";
    for (const ConfigValue& part : *list) text += (text.size() > 1 ? ", " : "") + to_text(part);
    return text + "]";
  }
  if (const auto* config = value.get_if<LayerConfig>()) {
    std::string text = config->class_name + "{";
    for (const auto& [argument, part] : config->arguments)
      text += (text.back() == '{' ? "" : ", ") + argument + ": " + to_text(part);
    return text + "}";
  }
  return "none";
}

Layer make_layer(const LayerConfig& config) {
  const Maker maker = maker_of(config.class_name);
  check(maker != nullptr, "make_layer", "layer \"", config.name(), "\": there is no layer class ", config.class_name,
        " here.");
  Arguments arguments(config);
  Layer layer = maker(arguments);
  arguments.finish();
  layer->set_trainable(arguments.trainable());
  return layer;
}

bool is_layer_class(std::string_view class_name) { return maker_of(class_name) != nullptr; }

}  // namespace mien
