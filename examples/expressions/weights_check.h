// Whether a file is one that Keras publishes.
#pragma once

#include <filesystem>
#include <string>

#include "weights_catalog.h"

namespace mien::expressions {

/// What is wrong with `path` as that file, as a sentence; "" where nothing is. By its MD5, or, where none is published,
/// by loading it into the network.
std::string fault_of_weights(const PublishedWeights& file, const std::filesystem::path& path);

/// Of a file without fault: "its MD5 is the one that Keras gives".
std::string how_verified(const PublishedWeights& file);

}  // namespace mien::expressions
