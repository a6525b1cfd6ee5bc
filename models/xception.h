// Xception (Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016).
//
// Inception taken to its end: every channel has a 3x3 convolution of its own, and 1x1 convolutions alone mix channels.
// Thirty-four such separable convolutions, in blocks with a way round them as in ResNet.
#pragma once

#include "mien/models/imagenet.h"

namespace mien::models {

/// Separable 3x3 and batch normalisation.
inline Symbol separable(const Symbol& x, int filters, const std::string& name) {
  return BatchNormalization({.name = name + "_bn"})(
      SeparableConv2D(filters, 3, {.padding = Padding::same, .use_bias = false, .name = name})(x));
}

/// Two separable convolutions, each behind a ReLU (but the very first), and a pool; round them, a 1x1 of stride 2.
inline Symbol shrinking_block(const Symbol& input, int first, int filters, const std::string& name,
                              bool begins = false) {
  Symbol x = begins ? input : ActivationLayer(relu, name + "_sepconv1_act")(input);
  x = separable(x, first, name + "_sepconv1");
  x = separable(ActivationLayer(relu, name + "_sepconv2_act")(x), filters, name + "_sepconv2");
  x = MaxPool2D(3, {.stride = 2, .padding = Padding::same, .name = name + "_pool"})(x);
  const Symbol around = Conv2D(filters, 1, {.stride = 2, .padding = Padding::same, .use_bias = false})(input);
  return Add()({x, BatchNormalization()(around)});
}

/// Three separable convolutions, each behind a ReLU, added to the input.
inline Symbol middle_block(const Symbol& input, const std::string& name) {
  Symbol x = input;
  for (const char* const number : {"1", "2", "3"}) {
    const std::string convolution = name + "_sepconv" + number;
    x = separable(ActivationLayer(relu, convolution + "_act")(x), 728, convolution);
  }
  return Add()({x, input});
}

/// image (height, width, 3), at least 71x71 → (about height / 32, width / 32, 2048), or the classes.
inline Symbol xception(const Symbol& image, const ImageNetOptions& options = {}) {
  check_picture("xception", image.shape());
  Symbol x = Conv2D(32, 3, {.stride = 2, .use_bias = false, .name = "block1_conv1"})(image);
  x = ActivationLayer(relu, "block1_conv1_act")(BatchNormalization({.name = "block1_conv1_bn"})(x));
  x = Conv2D(64, 3, {.use_bias = false, .name = "block1_conv2"})(x);
  x = ActivationLayer(relu, "block1_conv2_act")(BatchNormalization({.name = "block1_conv2_bn"})(x));
  x = shrinking_block(x, 128, 128, "block2", true);
  x = shrinking_block(x, 256, 256, "block3");
  x = shrinking_block(x, 728, 728, "block4");
  for (int i = 5; i <= 12; ++i) x = middle_block(x, "block" + std::to_string(i));
  x = shrinking_block(x, 728, 1024, "block13");
  x = ActivationLayer(relu, "block14_sepconv1_act")(separable(x, 1536, "block14_sepconv1"));
  x = ActivationLayer(relu, "block14_sepconv2_act")(separable(x, 2048, "block14_sepconv2"));
  return options.include_top ? pooled_classifier(x, options) : x;
}

}  // namespace mien::models
