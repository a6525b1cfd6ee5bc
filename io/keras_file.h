// Keras's files, read and written: weights of a network, and whole networks.
//
//   load_weights(net, "vgg16_weights_tf_dim_ordering_tf_kernels.h5");   // any that Keras 1, 2 or 3 wrote
//   Model other = load_keras_model("classifier.keras");                 // layers and weights
//   save_keras_model(net, "classifier.keras");                          // for keras.models.load_model
//
// Files may come from anywhere: a damaged or hostile one is an Error, and needs no more than 64 MB beyond its size and
// the network's, nor ten seconds and the time to read it.
#pragma once

#include <filesystem>

#include "mien/layers/model.h"

namespace mien {

/// Whether a file is one of Keras's, by its first bytes: HDF5 or a zip archive.
bool is_keras_file(const std::filesystem::path& path);

/// Overwrites the network's weights with those of a file: .h5 of Keras 1, 2 or 3, weights alone or a whole model;
/// .weights.h5 or .keras of Keras 3. Layers are paired as Keras pairs them, by their order (.h5) or by class and
/// number. The network must be built; its weights may be missing yet. Throws Error that names file and reason, among
/// them every weight that is missing, surplus or of another shape; then nothing has changed.
void load_weights(Model& net, const std::filesystem::path& path);

/// The network in a .keras or whole-model .h5 file, with its weights. Layers and settings that are not here are an
/// Error that names them. `input` is its input's shape, without the batch axis, where the file leaves lengths open.
Model load_keras_model(const std::filesystem::path& path, const Shape& input = {});

/// Writes the weights as Keras 3's load_weights() reads them. The path must end in .weights.h5, as Keras asks.
void save_weights(const Model& net, const std::filesystem::path& path);

/// Writes network and weights as Keras 3's load_model() reads them. The path must end in .keras. Throws Error where the
/// network has a layer or setting that Keras has not.
void save_keras_model(const Model& net, const std::filesystem::path& path);

}  // namespace mien
