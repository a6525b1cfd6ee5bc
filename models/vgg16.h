// VGG16 (Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014).
//
// Nothing but 3x3 convolutions, in five blocks that end with a pool: two 3x3 see as much as one 5x5, with fewer weights
// and a ReLU more between them. Three quarters of all weights are in the top's first Dense layer.
#pragma once

#include "mien/models/imagenet.h"

namespace mien::models {

/// image (height, width, 3), at least 32x32 → (height / 32, width / 32, 512), or the classes.
inline Symbol vgg16(const Symbol& image, const ImageNetOptions& options = {}) {
  check_picture("vgg16", image.shape());
  struct Block {
    int convolutions, filters;
  };
  Symbol x = image;
  int number = 0;
  for (const Block& block : {Block{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}}) {
    const std::string name = "block" + std::to_string(++number);
    for (int i = 1; i <= block.convolutions; ++i)
      x = Conv2D(block.filters, 3,
                 {.padding = Padding::same, .activation = relu, .name = name + "_conv" + std::to_string(i)})(x);
    x = MaxPool2D(2, {.stride = 2, .name = name + "_pool"})(x);
  }
  if (!options.include_top) return x;
  x = Flatten("flatten")(x);
  x = Dense(4096, {.activation = relu, .name = "fc1"})(x);
  x = Dense(4096, {.activation = relu, .name = "fc2"})(x);
  return Dense(options.classes, {.activation = options.classifier_activation, .name = "predictions"})(x);
}

}  // namespace mien::models
