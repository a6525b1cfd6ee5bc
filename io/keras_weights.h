// How the weights in Keras's files and those of a network find each other.
#pragma once

#include <string>
#include <vector>

#include "mien/io/hdf5.h"
#include "mien/layers/model.h"

namespace mien {

/// Overwrites the network's weights with those of a file that was read: a legacy one (Keras 1, 2 or 3: a list of
/// layers, each with a list of weights, paired by their order) or one of Keras 3 (layers by class and number). Throws
/// Error that lists every weight that is missing, surplus or of another shape, and then changes nothing. `where` stands
/// in messages.
void assign_weights(const Model& net, const Hdf5File& file, const std::string& where);

/// The network's weights as Keras 3 stores them.
Hdf5File weights_file(const Model& net);

}  // namespace mien
