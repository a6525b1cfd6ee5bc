// MobileNetV2 (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018).
//
// Each block widens its few channels by six with a 1x1 convolution, filters every channel by itself with a 3x3, and
// narrows them again, without an activation: a ReLU there would destroy what so few channels carry. Where the shape
// stays, the narrow ends are added.
#pragma once

#include <algorithm>

#include "mien/models/imagenet.h"

namespace mien::models {

/// The multiple of 8 nearest to `filters`, at least 8 and not more than a tenth below.
inline int divisible_by_8(double filters) {
  const int rounded = std::max(8, static_cast<int>(filters + 4) / 8 * 8);
  return rounded < 0.9 * filters ? rounded + 8 : rounded;
}

/// Batch normalisation as this network has it, and ReLU6.
inline Symbol normalized_relu6(const Symbol& x, const std::string& normalization, const std::string& activation) {
  return ReLU({.max_value = 6, .name = activation})(BatchNormalization({.momentum = 0.999f, .name = normalization})(x));
}

/// Widen (unless `expansion` is 1), filter, narrow.
inline Symbol inverted_residual(const Symbol& input, int expansion, int filters, int stride, const std::string& name) {
  const auto channels = static_cast<int>(input.shape()[2]);
  Symbol x = input;
  if (expansion != 1) {
    x = Conv2D(expansion * channels, 1, {.padding = Padding::same, .use_bias = false, .name = name + "expand"})(x);
    x = normalized_relu6(x, name + "expand_BN", name + "expand_relu");
  }
  if (stride == 2) {  // one more row and column at the end, and at the beginning too where the size is odd
    const int top = static_cast<int>(x.shape()[0] % 2), left = static_cast<int>(x.shape()[1] % 2);
    x = ZeroPadding2D(Border{top, 1, left, 1}, name + "pad")(x);
  }
  x = DepthwiseConv2D(3, {.stride = stride,
                          .padding = stride == 2 ? Padding::valid : Padding::same,
                          .use_bias = false,
                          .name = name + "depthwise"})(x);
  x = normalized_relu6(x, name + "depthwise_BN", name + "depthwise_relu");
  x = Conv2D(filters, 1, {.padding = Padding::same, .use_bias = false, .name = name + "project"})(x);
  x = BatchNormalization({.momentum = 0.999f, .name = name + "project_BN"})(x);
  return stride == 1 && channels == filters ? Add(name + "add")({input, x}) : x;
}

/// image (height, width, 3), at least 32x32 → (height / 32, width / 32, 1280), or the classes.
inline Symbol mobilenet_v2(const Symbol& image, const ImageNetOptions& options = {}) {
  check_picture("mobilenet_v2", image.shape());
  const double alpha = options.alpha;
  check(alpha > 0, "MobileNetV2", "alpha must be above 0. Got ", alpha, ".");
  struct Stage {
    int expansion, filters, blocks, stride;
  };
  Symbol x = Conv2D(divisible_by_8(32 * alpha), 3,
                    {.stride = 2, .padding = Padding::same, .use_bias = false, .name = "Conv1"})(image);
  x = normalized_relu6(x, "bn_Conv1", "Conv1_relu");
  int number = 0;
  for (const Stage& stage :
       {Stage{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}})
    for (int i = 0; i < stage.blocks; ++i, ++number)
      x = inverted_residual(x, stage.expansion, divisible_by_8(static_cast<int>(stage.filters * alpha)),
                            i == 0 ? stage.stride : 1,
                            number == 0 ? "expanded_conv_" : "block_" + std::to_string(number) + "_");
  const int last = alpha > 1 ? divisible_by_8(1280 * alpha) : 1280;
  x = Conv2D(last, 1, {.use_bias = false, .name = "Conv_1"})(x);
  x = normalized_relu6(x, "Conv_1_bn", "out_relu");
  return options.include_top ? pooled_classifier(x, options, "global_average_pooling2d") : x;
}

}  // namespace mien::models
