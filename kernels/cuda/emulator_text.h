// How the emulator's messages name threads and places.
#pragma once

#include <string>
#include <string_view>

#include "mien/kernels/cuda/emulator.h"
#include "mien/kernels/error.h"

namespace mien::kernels::emulated {

/// Thread or block number `index` of an extent, as CUDA counts them: x first.
inline uint3 position(int index, dim3 extent) {
  const unsigned i = static_cast<unsigned>(index);
  return {i % extent.x, i / extent.x % extent.y, i / (extent.x * extent.y)};
}

inline std::string text(SourcePlace place) {
  const std::string_view file = place.file;  // where there is no slash, npos + 1 is its beginning
  return join(file.substr(file.rfind('/') + 1), ":", place.line);
}

inline std::string text(uint3 index) { return join("(", index.x, ",", index.y, ",", index.z, ")"); }

}  // namespace mien::kernels::emulated
