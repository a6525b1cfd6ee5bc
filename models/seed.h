// The network of the 2021 report that this project grew from, its smaller relatives, and the changes that the report
// tried on it.
#pragma once

#include <vector>

#include "mien/layers/layers.h"

namespace mien::models {

/// What makes a network of the seed's family; the defaults are the report's best network.
struct SeedNetworkOptions {
  std::vector<int> filters = {8, 16, 32, 64, 128};  ///< of the convolutions, one after the other
  int hidden = 256;                                 ///< units of the Dense layer before the last
  Regularizer kernel_regularizer = {};              ///< of the first convolution
  Regularizer activity_regularizer = {};            ///< of what the first convolution puts out
  float dropout = 0;                                ///< after the last max-pool; 0: there is no such layer
  bool batch_normalization = false;                 ///< after the last convolution's ReLU, before its max-pool
};

/// Convolutions 3x3 "same" + ReLU, each with a 2x2 max-pool, then Dense + ReLU, then one logit a class. With the
/// defaults the report's best network (its Figure 3): for 256x256 grey pictures and five classes 2,196,933 parameters.
/// The softmax belongs to the loss.
inline Sequential seed_network(int classes = 5, const SeedNetworkOptions& options = {}) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < options.filters.size(); ++i) {
    const bool first = i == 0, last = i + 1 == options.filters.size();
    layers.push_back(Conv2D(options.filters[i], 3,
                            {.padding = Padding::same,
                             .activation = relu,
                             .kernel_regularizer = first ? options.kernel_regularizer : Regularizer{},
                             .activity_regularizer = first ? options.activity_regularizer : Regularizer{}}));
    if (last && options.batch_normalization) layers.push_back(BatchNormalization());
    layers.push_back(MaxPool2D(2));
    if (last && options.dropout > 0) layers.push_back(Dropout(options.dropout));
  }
  layers.push_back(Flatten());
  layers.push_back(Dense(options.hidden, {.activation = relu}));
  layers.push_back(Dense(classes));
  return Sequential(std::move(layers));
}

}  // namespace mien::models
