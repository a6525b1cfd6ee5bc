// The layers of the golden indices, made from Keras's class names and configs.
#pragma once

#include <map>
#include <string>

#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/tests/golden_config.h"

namespace mien::test {

namespace keras {

inline Extent2d extent(Config& config, const char* key, Extent2d otherwise) {
  const auto found = config.take(key);
  if (!found || found->is_null()) return otherwise;
  return found->is_array() ? Extent2d(found->at(0), found->at(1)) : Extent2d(found->get<int>());
}

inline Padding padding(Config& config) {
  std::string text = "valid";
  config.read("padding", text);
  if (text != "valid" && text != "same") throw Awaits{"padding " + text};
  return text == "same" ? Padding::same : Padding::valid;
}

inline Activation activation(Config& config) {
  std::string text = "linear";
  config.read("activation", text);
  try {
    return parse_activation(text);
  } catch (const Error&) {
    throw Awaits{"activation " + text};
  }
}

inline Regularizer regularizer(Config& config, const char* key) {
  Regularizer result;
  const auto found = config.take(key);
  if (!found || found->is_null()) return result;
  Config factors(*found);
  factors.read("l1", result.l1).read("l2", result.l2);
  if (const std::string rest = factors.rest(); !rest.empty()) throw Awaits{"regularizer " + rest};
  return result;
}

/// What convolutions and dense layers share. Initializers are left out: the weights are given.
template <class Options>
Options weighted_options(Config& config, const char* kernel = "kernel") {
  Options options;
  options.activation = activation(config);
  config.read("use_bias", options.use_bias);
  options.kernel_regularizer = regularizer(config, join(kernel, "_regularizer").c_str());
  options.bias_regularizer = regularizer(config, "bias_regularizer");
  options.activity_regularizer = regularizer(config, "activity_regularizer");
  config.take(join(kernel, "_initializer").c_str());
  config.take("bias_initializer");
  return options;
}

/// With the direct algorithm, whose sums are Keras's own but for their order: Winograd has a bound of its own.
inline Conv2DLayerOptions convolution_options(Config& config, const char* kernel = "kernel") {
  auto options = weighted_options<Conv2DLayerOptions>(config, kernel);
  options.stride = extent(config, "strides", 1);
  options.padding = padding(config);
  options.dilation = extent(config, "dilation_rate", 1);
  config.read("groups", options.groups);
  options.algorithm = Conv2dAlgorithm::direct;
  return options;
}

inline Layer conv2d(Config& config) {
  int filters = 0;
  config.read("filters", filters);
  const Extent2d kernel = extent(config, "kernel_size", 1);
  return Conv2D(filters, kernel, convolution_options(config));
}

inline Layer depthwise_conv2d(Config& config) {
  int depth_multiplier = 1;
  config.read("depth_multiplier", depth_multiplier);
  const Extent2d kernel = extent(config, "kernel_size", 1);
  return DepthwiseConv2D(kernel, convolution_options(config, "depthwise"), depth_multiplier);
}

inline Layer separable_conv2d(Config& config) {
  SeparableConv2DLayerOptions options;
  int filters = 0;
  config.read("filters", filters).read("depth_multiplier", options.depth_multiplier);
  config.read("use_bias", options.use_bias);
  const Extent2d kernel = extent(config, "kernel_size", 1);
  options.stride = extent(config, "strides", 1);
  options.padding = padding(config);
  options.dilation = extent(config, "dilation_rate", 1);
  options.activation = activation(config);
  options.algorithm = Conv2dAlgorithm::direct;
  return SeparableConv2D(filters, kernel, options);
}

inline Layer dense(Config& config) {
  int units = 0;
  config.read("units", units);
  return Dense(units, weighted_options<DenseLayerOptions>(config));
}

template <class Pool>
Layer pool(Config& config) {
  const Extent2d size = extent(config, "pool_size", 2);
  const Extent2d stride = extent(config, "strides", {0, 0});
  return Pool(size, {.stride = stride, .padding = padding(config)});
}

template <class Pool>
Layer global_pool(Config& config) {
  bool keep_dims = false;
  config.read("keepdims", keep_dims);
  return Pool(keep_dims);
}

inline Resampling resampling(Config& config, std::string name) {
  config.read("interpolation", name);
  if (name == "nearest") return Resampling::nearest;
  if (name == "area") return Resampling::area;
  if (name != "bilinear") throw Awaits{"interpolation " + name};
  return Resampling::bilinear;
}

inline Layer up_sampling(Config& config) {
  const Extent2d size = extent(config, "size", 2);
  return UpSampling2D(size, resampling(config, "nearest"));
}

inline Extent2d height_and_width(Config& config) {
  int height = 0, width = 0;
  config.read("height", height).read("width", width);
  return {height, width};
}

inline Layer resizing(Config& config) {
  const Extent2d size = height_and_width(config);
  ResizingOptions options{.resampling = resampling(config, "bilinear")};
  bool crop = false, pad = false;
  config.read("antialias", options.antialias);
  config.read("crop_to_aspect_ratio", crop).read("pad_to_aspect_ratio", pad);
  options.aspect_ratio = crop ? AspectRatio::crop : pad ? AspectRatio::pad : AspectRatio::stretch;
  return Resizing(size, options);
}

/// Without constants of its own, the layer is adapted to data: the test does that.
inline Layer normalization(Config& config) {
  NormalizationOptions options;
  config.read("mean", options.mean).read("variance", options.variance).read("invert", options.invert);
  return Normalization(options);
}

inline Layer zero_padding(Config& config) {
  const nlohmann::json padding = config.take("padding").value_or(nlohmann::json(1));
  if (!padding.is_array()) return ZeroPadding2D(padding.get<int>());
  const auto side = [&](std::size_t axis, std::size_t which) {
    return (padding.at(axis).is_array() ? padding.at(axis).at(which) : padding.at(axis)).get<int>();
  };
  return ZeroPadding2D(Border{side(0, 0), side(0, 1), side(1, 0), side(1, 1)});
}

inline Layer cropping(Config& config) {
  const nlohmann::json border = config.take("cropping").value_or(nlohmann::json(0));
  const auto side = [&](std::size_t axis, std::size_t which) { return border.at(axis).at(which).get<int>(); };
  return Cropping2D(Border{side(0, 0), side(0, 1), side(1, 0), side(1, 1)});
}

inline Layer batch_normalization(Config& config) {
  int axis = -1;
  if (config.read("axis", axis); axis != -1) throw Awaits{"BatchNormalization over another axis than the last"};
  BatchNormalizationOptions options;
  config.read("momentum", options.momentum).read("epsilon", options.epsilon);
  config.read("center", options.center).read("scale", options.scale);
  return BatchNormalization(options);
}

/// Keras's ReLU with its three settings, as far as there are activations for it.
inline Layer rectifier(Config& config) {
  float slope = 0, threshold = 0, largest = 0;
  config.read("negative_slope", slope).read("threshold", threshold).read("max_value", largest);
  if (threshold != 0 || (largest != 0 && (largest != 6 || slope != 0))) throw Awaits{"ReLU with other bends"};
  if (slope != 0) return LeakyReLU(slope);
  return largest == 6 ? ActivationLayer(relu6) : ReLU();
}

inline Layer leaky_rectifier(Config& config) {
  float slope = 0.3f;
  config.read("negative_slope", slope);
  return LeakyReLU(slope);
}

inline Layer dropout(Config& config) {
  float rate = 0;
  config.read("rate", rate);
  return Dropout(rate);
}

inline Layer rescaling(Config& config) {
  float scale = 1, offset = 0;
  config.read("scale", scale).read("offset", offset);
  return Rescaling(scale, offset);
}

}  // namespace keras

/// The layer of that Keras class and config. Throws Awaits where there is none, or none with such a setting.
inline Layer keras_layer(const std::string& kind, const nlohmann::json& settings) {
  static const std::map<std::string, Layer (*)(Config&)> makers{
      {"Conv2D", keras::conv2d},
      {"DepthwiseConv2D", keras::depthwise_conv2d},
      {"SeparableConv2D", keras::separable_conv2d},
      {"Dense", keras::dense},
      {"MaxPooling2D", keras::pool<MaxPool2D>},
      {"AveragePooling2D", keras::pool<AveragePool2D>},
      {"GlobalAveragePooling2D", keras::global_pool<GlobalAveragePool2D>},
      {"GlobalMaxPooling2D", keras::global_pool<GlobalMaxPool2D>},
      {"ZeroPadding2D", keras::zero_padding},
      {"Cropping2D", keras::cropping},
      {"BatchNormalization", keras::batch_normalization},
      {"Activation", [](Config& config) -> Layer { return ActivationLayer(keras::activation(config)); }},
      {"ReLU", keras::rectifier},
      {"LeakyReLU", keras::leaky_rectifier},
      {"Softmax", [](Config&) -> Layer { return Softmax(); }},
      {"Flatten", [](Config&) -> Layer { return Flatten(); }},
      {"Dropout", keras::dropout},
      {"Rescaling", keras::rescaling},
      {"UpSampling2D", keras::up_sampling},
      {"Resizing", keras::resizing},
      {"CenterCrop", [](Config& config) -> Layer { return CenterCrop(keras::height_and_width(config)); }},
      {"Normalization", keras::normalization},
  };
  const auto found = makers.find(kind);
  if (found == makers.end()) throw Awaits{kind};
  Config config(settings);
  bool trainable = true;
  config.read("trainable", trainable);
  Layer layer = found->second(config);
  if (const std::string rest = config.rest(); !rest.empty()) throw Awaits{join(kind, " with ", rest)};
  layer->set_name(settings.value("name", ""));
  layer->set_trainable(trainable);
  return layer;
}

}  // namespace mien::test
