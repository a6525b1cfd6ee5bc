// What a pretrained network wants done to pixels before it sees them. As layers, so that a saved network stands alone.
#pragma once

#include <string_view>

#include "mien/layers/graph.h"

namespace mien::models {

/// Ways of preparing pixels (RGB, 0 to 255), by the names that Keras gives them after where they come from.
enum class Preprocessing : std::uint8_t {
  none,   ///< as they are
  unit,   ///< x / 255: 0 to 1
  tf,     ///< x / 127.5 - 1: -1 to 1
  torch,  ///< (x / 255 - mean) / deviation of each channel over ImageNet
  caffe,  ///< blue first, less the mean of each channel over ImageNet
};

/// The layers of that preparation behind `pixels` (height, width, 3). Throws where torch or caffe gets another number
/// of channels.
Symbol preprocess(const Symbol& pixels, Preprocessing mode);

/// "none", "unit", "tf", "torch" or "caffe".
std::string_view name_of(Preprocessing mode);
/// The mode of that name; Error with the nearest one otherwise.
Preprocessing parse_preprocessing(std::string_view name);

}  // namespace mien::models
