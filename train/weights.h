// A network's weights in a file of their own.
//
//   save(net, "faces.safetensors");
//   load(net, "faces.safetensors");  // of a network made the same way
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "mien/io/safetensors.h"
#include "mien/layers/model.h"

namespace mien {

/// What a weights file says of itself, besides the weights.
using Metadata = std::map<std::string, std::string>;

/// Writes all weights and buffers under their full names ("conv2d_1/kernel"). Whole or not at all. Throws Error where
/// the network has no weights yet or the file cannot be written.
void save(const Model& net, const std::filesystem::path& path, const Metadata& metadata = {});

/// Overwrites the network's weights with those of a safetensors file and returns the metadata; a file of Keras's is
/// read too (io/keras_file.h), and has none. The network must be built; its weights may be missing yet. Throws Error
/// that names every mismatch (weights that the file lacks, that the network lacks, and shapes that differ) and then
/// changes nothing.
Metadata load(Model& net, const std::filesystem::path& path);

/// The same for a file that was read already; `source` stands for it in messages.
void load(Model& net, const WeightsFile& file, const std::string& source);

}  // namespace mien
