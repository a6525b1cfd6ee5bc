// A tensor with a name: how weights, optimizer slots and checkpoints are handed about.
#pragma once

#include <string>
#include <vector>

#include "mien/core/tensor.h"

namespace mien {

struct NamedTensor {
  std::string name;
  Tensor value;
};

/// The tensor of that name; absent where there is none.
inline Tensor find(const std::vector<NamedTensor>& tensors, std::string_view name) {
  for (const NamedTensor& tensor : tensors)
    if (tensor.name == name) return tensor.value;
  return {};
}

}  // namespace mien
