// What a network makes of pictures, computed once and kept in a file: where only a head behind the network learns, an
// epoch then costs the head alone.
//
//   const Features seen = features_of(parts.features, photographs, {.cache = "features"});
//   fit(parts.head, seen.data, {.epochs = 100});
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "mien/data/augmentation.h"
#include "mien/data/dataset.h"
#include "mien/layers/model.h"

namespace mien {

struct FeatureOptions {
  /// Folder of the cache, made as needed; empty: nothing is kept.
  std::filesystem::path cache = {};
  /// Of each picture: view 0 is the picture, each further one is changed by `augment`, drawn from `seed`, the number of
  /// the view and what is on the picture.
  int views = 1;
  AugmentationOptions augment = {};
  std::uint64_t seed = 0;
  float input_scale = 1;  ///< pixels of uint8 pictures are multiplied by it; float32 ones are taken as they are
  int batch = 16;         ///< pictures in one pass; the features do not depend on it
  /// Told how many of the views that the cache did not hold are computed, and how many there are of them.
  std::function<void(int done, int total)> progress = {};
  /// Asked after every pass; true ends the work there. What is computed stays in the cache.
  std::function<bool()> should_stop = {};
};

struct Features {
  Dataset data;   ///< float32 (pictures x views, height, width, channels): all pictures in view 0, then in view 1, …
  int found = 0;  ///< in the cache
  int computed = 0;
  bool complete = true;  ///< false where it was asked to stop; then there is no data
};

/// The outputs of `network`, one picture (height, width, channels) in and a map out, with labels, names and groups of
/// the pictures.
///
/// The cache has a file for each view, named by a hash of all that decides its numbers besides the pictures: layers and
/// weights of the network, view, augmentation, scale, version and instruction set. In it, each picture is found by the
/// hash of its pixels, so that data sets which share pictures share their features. A record that is damaged, and what
/// stands behind it, is computed again, as is a file that is no cache of this kind; a process that is killed leaves
/// what it had computed. Two processes that want the same file work one after the other.
///
/// Throws Error for a network of another kind, pictures of another shape, more features than memory holds (with the
/// figure), and a folder that cannot be written.
Features features_of(const Model& network, const Dataset& pictures, const FeatureOptions& options = {});

/// 32 hexadecimal digits that change where a layer, its settings, its place or a weight does.
std::string fingerprint_of(const Model& network);

}  // namespace mien
