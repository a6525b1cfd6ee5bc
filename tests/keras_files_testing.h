// What tests of Keras's files share: two small networks that golden files hold, and what reading a file says.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mien/mien.h"
#include "mien/tests/golden.h"

namespace mien::testing {

/// Where the golden weight files lie.
inline std::filesystem::path golden_weights() { return test::golden_folder() / "weights"; }

inline Model tiny_functional() {
  const Symbol image = Input({9, 8, 3}, "image");
  Symbol stem = Conv2D(4, 3, {.stride = 2, .padding = Padding::same, .use_bias = false})(image);
  stem = ReLU()(BatchNormalization({.scale = false})(stem));
  Symbol deep = BatchNormalization()(DepthwiseConv2D(3, {.padding = Padding::same})(stem));
  deep = Conv2D(4, 1)(deep);
  const Symbol sum = Add()({stem, deep});
  const Symbol flat = Conv2D(5, {1, 3}, {.padding = Padding::same, .activation = relu})(stem);
  const Symbol mean = GlobalAveragePool2D()(Concatenate()({sum, flat}));
  return Model(image, Dense(5, {.activation = softmax})(mean));
}

inline Sequential tiny_sequential() {
  Sequential net{Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                 BatchNormalization(),
                 SeparableConv2D(6, 3, {.activation = relu}),
                 MaxPool2D(2),
                 Flatten(),
                 Dense(5, {.activation = softmax})};
  net.build({9, 8, 3}, 1);
  return net;
}

/// What reading weights says; "no error" where they are read.
inline std::string load_error(Model& net, const std::filesystem::path& path) {
  try {
    load_weights(net, path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// The same of a whole model.
inline std::string model_error(const std::filesystem::path& path) {
  try {
    load_keras_model(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline std::vector<std::vector<float>> all_weights(const Model& net) {
  std::vector<std::vector<float>> result;
  for (const auto& parameter : net.parameters()) result.push_back(parameter->value.to_vector());
  return result;
}

}  // namespace mien::testing
