// ONNX: networks for other runtimes (onnx.ai).
#pragma once

#include <filesystem>

#include "mien/layers/model.h"

namespace mien {

/// Writes the network, with its weights, as an ONNX file of operator set 17: one node or a few for each layer, under
/// its name. Inputs and outputs are as here, (batch, height, width, channels) with a batch of any length; inside,
/// pictures are (batch, channels, height, width) and kernels (out, in, height, width), as ONNX's operators want them,
/// with a Transpose where that begins and ends. Dropout is left out, batch normalisation has its moving statistics.
/// Throws Error for a layer that ONNX has nothing for, and above the format's 2 GB.
void export_onnx(const Model& net, const std::filesystem::path& path);

}  // namespace mien
