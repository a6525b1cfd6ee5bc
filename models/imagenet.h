// Six networks that are published with weights trained on ImageNet: by name, with what one must know to use them. Each
// is a header of its own beside this one, and reads like its paper's figure.
//
//   Model base = models::imagenet_network("mobilenet_v2", {.input = {160, 160, 3}});
//   Model whole = models::imagenet_network("resnet50", {.include_top = true});
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mien/layers/layers.h"
#include "mien/models/preprocessing.h"

namespace mien::models {

/// How one of the networks is made; the defaults give the convolutional part, for features or for a head of one's own.
struct ImageNetOptions {
  Shape input = {};                                   ///< (height, width, channels); empty: the usual side, colour
  bool include_top = false;                           ///< with the layers behind the last map, down to the classes
  int classes = 1000;                                 ///< of the top
  Activation classifier_activation = softmax;         ///< of the top; linear gives logits
  double alpha = 1;                                   ///< MobileNetV2: all its numbers of filters times this
  Preprocessing preprocessing = Preprocessing::none;  ///< layers before the network's own; then it takes pixels
};

/// A part of a network that is frozen or trained as a whole. All that lies behind it sees of it is its last layer's
/// output.
struct ImageNetBlock {
  std::string name;        ///< "block5", "conv5_block3", "mixed10"
  std::string last_layer;  ///< "block5_pool"
};

/// What one must know of a network to use it.
struct ImageNetFacts {
  std::string name;                   ///< as users type it: "inception_v3"
  std::string keras_name;             ///< "InceptionV3"
  int smallest_side;                  ///< of the pictures it takes, in pixels
  int usual_side;                     ///< of those that its published weights were trained on
  Preprocessing preprocessing;        ///< that its published weights expect
  std::vector<ImageNetBlock> blocks;  ///< of the part without the top, in order
};

/// All six, in the order of the 2021 report's Table 7.
const std::vector<ImageNetFacts>& imagenet_networks();

/// The facts of the network of that name, or Error with the nearest one.
const ImageNetFacts& imagenet_facts(std::string_view name);

/// The network of that name, without weights: initialize() it, or load a file.
Model imagenet_network(std::string_view name, const ImageNetOptions& options = {});

/// The same as layers behind a value of a graph. Of the options, `input` and `preprocessing` are not used.
Symbol imagenet_layers(std::string_view name, const Symbol& image, const ImageNetOptions& options = {});

/// The layers up to the end of the block of that name, in the model's order: those to freeze when what follows is to be
/// trained. Error with the nearest name where there is no such block.
std::vector<Layer> layers_through(const Model& model, const ImageNetFacts& facts, std::string_view block);

// For the six headers.

/// Throws unless pictures of this shape are large enough for the network.
void check_picture(std::string_view name, const Shape& picture);

/// The top that five of the six have: the mean of each channel over the picture, then a score for each class.
Symbol pooled_classifier(const Symbol& features, const ImageNetOptions& options, const std::string& pool = "avg_pool");

}  // namespace mien::models
