// DenseNet121 (Huang et al., "Densely Connected Convolutional Networks", 2016).
//
// Within a block, each layer sees the outputs of all before it, side by side, and adds 32 channels of its own: features
// are kept and used again, so that few new ones are needed. Normalisation and ReLU stand before the convolution.
// Between the blocks, a 1x1 convolution halves the channels and a pool the size.
#pragma once

#include "mien/models/imagenet.h"

namespace mien::models {

/// Batch normalisation, ReLU: "…_bn" and "…_relu".
inline Symbol normalized_relu(const Symbol& x, const std::string& name) {
  return ActivationLayer(relu, name + "relu")(BatchNormalization({.epsilon = 1.001e-5f, .name = name + "bn"})(x));
}

/// The input, and behind it 32 channels made of it: 1x1 to 128 channels, then 3x3.
inline Symbol dense_layer(const Symbol& input, const std::string& name) {
  Symbol x = normalized_relu(input, name + "_0_");
  x = Conv2D(128, 1, {.use_bias = false, .name = name + "_1_conv"})(x);
  x = normalized_relu(x, name + "_1_");
  x = Conv2D(32, 3, {.padding = Padding::same, .use_bias = false, .name = name + "_2_conv"})(x);
  return Concatenate(-1, name + "_concat")({input, x});
}

/// Half the channels, half the size.
inline Symbol dense_transition(const Symbol& input, const std::string& name) {
  Symbol x = normalized_relu(input, name + "_");
  x = Conv2D(static_cast<int>(input.shape()[2] / 2), 1, {.use_bias = false, .name = name + "_conv"})(x);
  return AveragePool2D(2, {.stride = 2, .name = name + "_pool"})(x);
}

/// image (height, width, 3), at least 32x32 → (height / 32, width / 32, 1024), or the classes.
inline Symbol densenet121(const Symbol& image, const ImageNetOptions& options = {}) {
  check_picture("densenet121", image.shape());
  Symbol x = ZeroPadding2D(3)(image);
  x = Conv2D(64, 7, {.stride = 2, .use_bias = false, .name = "conv1_conv"})(x);
  x = normalized_relu(x, "conv1_");
  x = MaxPool2D(3, {.stride = 2, .name = "pool1"})(ZeroPadding2D(1)(x));
  int number = 1;
  for (const int layers : {6, 12, 24, 16}) {
    if (++number > 2) x = dense_transition(x, "pool" + std::to_string(number - 1));
    for (int i = 1; i <= layers; ++i)
      x = dense_layer(x, "conv" + std::to_string(number) + "_block" + std::to_string(i));
  }
  x = normalized_relu(x, "");
  return options.include_top ? pooled_classifier(x, options) : x;
}

}  // namespace mien::models
