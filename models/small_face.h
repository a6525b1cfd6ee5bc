// A small network for few photographs of faces: what `expressions train --recipe best` trains.
#pragma once

#include <algorithm>

#include "mien/layers/layers.h"

namespace mien::models {

/// Four times convolution 3x3 + batch normalisation + ReLU with 16, 32, 64 and 128 filters, a 2x2 max-pool after each
/// but the last, then dropout and one logit a class from the whole map of 6x6 places: in framed faces, where a feature
/// lies says as much as that it is there, which a global mean would throw away. Of a picture, the middle 13/16 are
/// seen, averaged over blocks to a side of 48 to 95 where there are so many pixels (256 becomes 52), and standardised.
/// 120,917 parameters for 256x256 grey pictures and five classes.
inline Sequential small_face_network(const Shape& input, int classes = 5) {
  const int side = static_cast<int>(std::min(input[0], input[1])), border = side * 3 / 32;
  const int shrink = std::max(1, (side - 2 * border) / 48);
  std::vector<Layer> layers{Cropping2D(border)};
  if (shrink > 1) layers.push_back(AveragePool2D(shrink));
  layers.push_back(Standardize(1e-5f));
  for (int filters : {16, 32, 64, 128}) {
    layers.push_back(
        Conv2D(filters, 3, {.padding = Padding::same, .use_bias = false, .kernel_initializer = he_normal}));
    layers.push_back(BatchNormalization({.momentum = 0.9f}));
    layers.push_back(ReLU());
    if (filters < 128) layers.push_back(MaxPool2D(2));
  }
  layers.push_back(Flatten());
  layers.push_back(Dropout(0.3f));
  layers.push_back(Dense(classes));
  return Sequential(std::move(layers));
}

}  // namespace mien::models
