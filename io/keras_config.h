// Keras's description of a network, the JSON in .keras and whole-model .h5 files: networks made of it, and it of
// networks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mien/layers/config.h"
#include "mien/layers/model.h"

namespace mien {

/// The network that a description of Keras 1, 2 or 3 stands for, Sequential or functional, without weights yet. `where`
/// stands in messages. Throws Error that names layer, setting and value where it has one that is not here, and where
/// its weights would be more than `most_weights` numbers. `input`, where it is given, is the shape of an input whose
/// lengths the description leaves open.
Model network_from_keras_json(const std::string& json, const std::string& where, std::int64_t most_weights,
                              const Shape& input = {});

/// Keras 3's description of a network. Throws Error where it has a layer or setting that Keras has not.
std::string keras_json(const Model& net);

/// A layer that Keras 1 describes in the words of Keras 2 and 3; theirs stay as they are.
LayerConfig from_keras1(const LayerConfig& config);

/// What Keras 3 calls the layers in a file of weights: by class, "conv2d", "conv2d_1", … One name for each of
/// net.layers().
std::vector<std::string> keras_store_names(const Model& net);

}  // namespace mien
