// Showing a network a picture and its mirror image, and taking the mean of what it makes of the two: for pictures whose
// class does not change in a mirror, such as faces, two looks are better than one.
#pragma once

#include "mien/core/tensor.h"

namespace mien {

/// Pictures (count, height, width, channels), uint8 or float32, on the CPU → the same, left and right exchanged.
Tensor mirrored(const Tensor& pictures);

/// Logits (count, classes) whose softmax is the mean of softmax(a) and softmax(b): the logarithms of those means, on
/// a's device. For inference; nothing is recorded.
Tensor logits_of_mean(const Tensor& a, const Tensor& b);

}  // namespace mien
