// A trained classifier as its weights file describes it: the network, its classes, and how photographs become its
// pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mien/data/image_folder.h"
#include "mien/layers/model.h"
#include "mien/train/weights.h"

namespace mien::expressions {

/// How pictures reach the network.
struct Input {
  int size = 256, channels = 1;
  Framing framing = Framing::centre;
  float scale = 1 / 255.0f;  ///< the pixels 0 to 255 are multiplied by it
  bool flips = false;        ///< its mirror image is shown as well, and the mean of both probabilities counts
};

std::string framing_name(Framing framing);
Framing parse_framing(const std::string& name);

/// What makes a weights file stand alone; `network` is a name of networks.h.
Metadata describe_classifier(const std::string& network, const std::vector<std::string>& class_names,
                             const Input& input);

struct Classifier {
  std::string network;  ///< its name (networks.h)
  Model net;
  std::vector<std::string> class_names;
  Input input;
  Metadata metadata;

  /// The probability of every class. Throws Error for a network that wants the label as input.
  std::vector<float> probabilities(const Image& photograph) const;
};

/// From a weights file, or a run folder's best.safetensors. Throws Error where it is no classifier of this program, or
/// its weights are those of another network.
Classifier load_classifier(const std::filesystem::path& run_or_file);

}  // namespace mien::expressions
