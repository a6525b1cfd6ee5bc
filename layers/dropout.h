// Inverted dropout (Srivastava et al., 2014).
#pragma once

#include "mien/layers/module.h"

namespace mien {

/// In training, drops each value with probability `rate` and scales the others by 1 / (1 - rate); otherwise hands its
/// input on. The mask depends on (seed, layer, training step, element) alone.
class Dropout : public Layer {
 public:
  explicit Dropout(float rate, std::string name = "");
};

}  // namespace mien
