// Three networks of an earlier notebook by the authors of the 2021 report (seed.h). Parameter counts are for 256x256
// pictures and five classes. The softmax belongs to the loss.
#pragma once

#include <utility>
#include <vector>

#include "mien/layers/layers.h"

namespace mien::models {

/// The notebook's first: convolutions of 64, 32 and 16 filters, a 4x4 max-pool after the first two, then Dense 5 with a
/// ReLU before the last layer. 44,243 parameters. Five units that a ReLU can silence are all that the last layer sees:
/// the notebook's stayed at chance.
inline Sequential notebook_baseline(int classes = 5) {
  return {Conv2D(64, 3, {.padding = Padding::same, .activation = relu}),
          MaxPool2D(4),
          Conv2D(32, 3, {.padding = Padding::same, .activation = relu}),
          MaxPool2D(4),
          Conv2D(16, 3, {.padding = Padding::same, .activation = relu}),
          Flatten(),
          Dense(5, {.activation = relu}),
          Dense(classes)};
}

/// The notebook's network that learned its training pictures by heart: convolutions of 64, 32, 16 and 8 filters, a 2x2
/// max-pool after the first three, Dense 128. 1,074,237 parameters.
inline Sequential notebook_overfit(int classes = 5) {
  std::vector<Layer> layers;
  for (int filters : {64, 32, 16}) {
    layers.push_back(Conv2D(filters, 3, {.padding = Padding::same, .activation = relu}));
    layers.push_back(MaxPool2D(2));
  }
  layers.push_back(Conv2D(8, 3, {.padding = Padding::same, .activation = relu}));
  layers.push_back(Flatten());
  layers.push_back(Dense(128, {.activation = relu}));
  layers.push_back(Dense(classes));
  return Sequential(std::move(layers));
}

/// "Output as input": one convolution of 5 filters and the last layer, for pictures whose second channel is the label.
/// 1,638,500 parameters. A check of the program, not of the pictures: what cannot learn this learns nothing.
inline Sequential notebook_label_as_input(int classes = 5) {
  return {Conv2D(5, 3, {.padding = Padding::same, .activation = relu}), Flatten(), Dense(classes)};
}

}  // namespace mien::models
