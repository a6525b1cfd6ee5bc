// InceptionV3 (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015).
//
// Every module looks at its input through several towers of different reach at once and lays the results side by side.
// Large kernels are taken apart: 5x5 into two 3x3, 7x7 into 1x7 and 7x1. The modules are called "mixed0" to "mixed10",
// all other layers by their number, as Keras calls them ("conv2d_7").
#pragma once

#include <initializer_list>

#include "mien/models/imagenet.h"

namespace mien::models {

/// One convolution of a tower.
struct TowerConvolution {
  int filters;
  Extent2d kernel;
  int stride = 1;
  Padding padding = Padding::same;
};

/// Convolutions one after the other: without bias, with batch normalisation (without gamma: what follows can scale) and
/// ReLU.
inline Symbol tower(Symbol x, std::initializer_list<TowerConvolution> convolutions) {
  for (const TowerConvolution& c : convolutions) {
    x = Conv2D(c.filters, c.kernel, {.stride = c.stride, .padding = c.padding, .use_bias = false})(x);
    x = ActivationLayer(relu)(BatchNormalization({.scale = false})(x));
  }
  return x;
}

/// The mean of the 3x3 cells round each, then 1x1.
inline Symbol pool_tower(const Symbol& x, int filters) {
  return tower(AveragePool2D(3, {.stride = 1, .padding = Padding::same})(x), {{filters, 1}});
}

/// Modules at an eighth of the picture's side.
inline Symbol inception_fine(const Symbol& x, int pool_filters, const std::string& name) {
  const Symbol one = tower(x, {{64, 1}});
  const Symbol five = tower(x, {{48, 1}, {64, 5}});
  const Symbol twice_three = tower(x, {{64, 1}, {96, 3}, {96, 3}});
  return Concatenate(-1, name)({one, five, twice_three, pool_tower(x, pool_filters)});
}

/// Modules at a sixteenth: 7x7 in two and in four steps.
inline Symbol inception_middle(const Symbol& x, int inner, const std::string& name) {
  const Extent2d across{1, 7}, down{7, 1};
  const Symbol one = tower(x, {{192, 1}});
  const Symbol seven = tower(x, {{inner, 1}, {inner, across}, {192, down}});
  const Symbol twice_seven = tower(x, {{inner, 1}, {inner, down}, {inner, across}, {inner, down}, {192, across}});
  return Concatenate(-1, name)({one, seven, twice_seven, pool_tower(x, 192)});
}

/// Modules at a thirty-second: the last 3x3 fall into 1x3 and 3x1 side by side.
inline Symbol inception_coarse(const Symbol& x, const std::string& name, const std::string& inner_name) {
  const auto split = [](const Symbol& y, const std::string& label) {
    return Concatenate(-1, label)({tower(y, {{384, {1, 3}}}), tower(y, {{384, {3, 1}}})});
  };
  const Symbol one = tower(x, {{320, 1}});
  const Symbol three = split(tower(x, {{384, 1}}), inner_name);
  const Symbol twice_three = split(tower(x, {{448, 1}, {384, 3}}), "");
  return Concatenate(-1, name)({one, three, twice_three, pool_tower(x, 192)});
}

/// image (height, width, 3), at least 75x75 → (about height / 32, width / 32, 2048), or the classes.
inline Symbol inception_v3(const Symbol& image, const ImageNetOptions& options = {}) {
  check_picture("inception_v3", image.shape());
  constexpr Padding valid = Padding::valid;
  Symbol x = tower(image, {{32, 3, 2, valid}, {32, 3, 1, valid}, {64, 3}});
  x = MaxPool2D(3, {.stride = 2})(x);
  x = tower(x, {{80, 1, 1, valid}, {192, 3, 1, valid}});
  x = MaxPool2D(3, {.stride = 2})(x);
  x = inception_fine(x, 32, "mixed0");
  x = inception_fine(x, 64, "mixed1");
  x = inception_fine(x, 64, "mixed2");
  x = Concatenate(-1, "mixed3")({tower(x, {{384, 3, 2, valid}}), tower(x, {{64, 1}, {96, 3}, {96, 3, 2, valid}}),
                                 MaxPool2D(3, {.stride = 2})(x)});
  x = inception_middle(x, 128, "mixed4");
  x = inception_middle(x, 160, "mixed5");
  x = inception_middle(x, 160, "mixed6");
  x = inception_middle(x, 192, "mixed7");
  x = Concatenate(-1, "mixed8")({tower(x, {{192, 1}, {320, 3, 2, valid}}),
                                 tower(x, {{192, 1}, {192, {1, 7}}, {192, {7, 1}}, {192, 3, 2, valid}}),
                                 MaxPool2D(3, {.stride = 2})(x)});
  x = inception_coarse(x, "mixed9", "mixed9_0");
  x = inception_coarse(x, "mixed10", "mixed9_1");
  return options.include_top ? pooled_classifier(x, options) : x;
}

}  // namespace mien::models
