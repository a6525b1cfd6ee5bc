// The networks of the 2021 report that this project grew from, layer by layer.
#pragma once

#include "mien/layers/layers.h"

namespace mien::models {

/// The report's best network (its Figure 3): five times convolution 3x3 "same" + ReLU + 2x2 max-pool with 8, 16, 32, 64
/// and 128 filters, then Dense 256 + ReLU, then one logit a class. For 256x256 grey pictures and five classes:
/// 2,196,933 parameters. The softmax belongs to the loss.
inline Sequential seed_network(int classes = 5) {
  std::vector<Layer> layers;
  for (int filters : {8, 16, 32, 64, 128}) {
    layers.push_back(Conv2D(filters, 3, {.padding = Padding::same, .activation = relu}));
    layers.push_back(MaxPool2D(2));
  }
  layers.push_back(Flatten());
  layers.push_back(Dense(256, {.activation = relu}));
  layers.push_back(Dense(classes));
  return Sequential(std::move(layers));
}

}  // namespace mien::models
