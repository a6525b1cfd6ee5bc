// Pictures brought to a network's size inside the network: Keras's Resizing and CenterCrop.
#pragma once

#include "mien/core/ops/resize2d.h"
#include "mien/layers/module.h"

namespace mien {

/// How Resizing treats pictures whose sides stand in another proportion than the size asked for.
enum class AspectRatio : std::uint8_t {
  stretch,  ///< as they are
  crop,     ///< their middle, in the right proportion
  pad,      ///< zeros beside them, up to the right proportion
};

struct ResizingOptions {
  Resampling resampling = Resampling::bilinear;
  bool antialias = false;
  AspectRatio aspect_ratio = AspectRatio::stretch;
  std::string name = "";
};

/// x (height, width, channels), floats or bytes → (size.height, size.width, channels).
class Resizing : public Layer {
 public:
  explicit Resizing(Extent2d size, ResizingOptions options = {});
};

/// The middle of the picture; of one that is smaller, its middle in that proportion, enlarged.
class CenterCrop : public Layer {
 public:
  explicit CenterCrop(Extent2d size, std::string name = "");
};

}  // namespace mien
