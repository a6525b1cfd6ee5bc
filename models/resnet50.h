// ResNet50 (He et al., "Deep Residual Learning for Image Recognition", 2015), version 1 as Keras has it.
//
// Each block computes what to add to its input, so that fifty layers train where twenty had failed to: the gradient has
// a way back that no layer stands in. A block narrows with a 1x1 convolution (which takes the stride), works 3x3 on few
// channels, and widens by four. All convolutions have biases, though batch normalisation follows.
#pragma once

#include "mien/models/imagenet.h"

namespace mien::models {

/// Batch normalisation with the epsilon of Keras's ResNet and DenseNet.
inline Symbol normalized(const Symbol& x, const std::string& name) {
  return BatchNormalization({.epsilon = 1.001e-5f, .name = name})(x);
}

/// 1x1, 3x3, 1x1, added to the input; where the shape changes, a 1x1 convolution takes the input along.
inline Symbol residual_block(const Symbol& input, int filters, int stride, bool changes_shape,
                             const std::string& name) {
  Symbol shortcut = input;
  if (changes_shape) {
    shortcut = Conv2D(4 * filters, 1, {.stride = stride, .name = name + "_0_conv"})(input);
    shortcut = normalized(shortcut, name + "_0_bn");
  }
  Symbol x = Conv2D(filters, 1, {.stride = stride, .name = name + "_1_conv"})(input);
  x = ActivationLayer(relu, name + "_1_relu")(normalized(x, name + "_1_bn"));
  x = Conv2D(filters, 3, {.padding = Padding::same, .name = name + "_2_conv"})(x);
  x = ActivationLayer(relu, name + "_2_relu")(normalized(x, name + "_2_bn"));
  x = Conv2D(4 * filters, 1, {.name = name + "_3_conv"})(x);
  x = Add(name + "_add")({shortcut, normalized(x, name + "_3_bn")});
  return ActivationLayer(relu, name + "_out")(x);
}

/// image (height, width, 3), at least 32x32 → (height / 32, width / 32, 2048), rounded up, or the classes.
inline Symbol resnet50(const Symbol& image, const ImageNetOptions& options = {}) {
  check_picture("resnet50", image.shape());
  Symbol x = ZeroPadding2D(3, "conv1_pad")(image);
  x = Conv2D(64, 7, {.stride = 2, .name = "conv1_conv"})(x);
  x = ActivationLayer(relu, "conv1_relu")(normalized(x, "conv1_bn"));
  x = MaxPool2D(3, {.stride = 2, .name = "pool1_pool"})(ZeroPadding2D(1, "pool1_pad")(x));
  struct Stage {
    int filters, blocks, stride;
  };
  int number = 1;
  for (const Stage& stage : {Stage{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}}) {
    const std::string name = "conv" + std::to_string(++number) + "_block";
    for (int i = 1; i <= stage.blocks; ++i)
      x = residual_block(x, stage.filters, i == 1 ? stage.stride : 1, i == 1, name + std::to_string(i));
  }
  return options.include_top ? pooled_classifier(x, options) : x;
}

}  // namespace mien::models
