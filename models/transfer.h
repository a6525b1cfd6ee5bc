// Transfer: the convolutional part of a network that was trained on many other pictures, with a small head for one's
// own classes behind it.
//
//   TransferNetwork cat_or_dog = transfer_network("mobilenet_v2", {.input = {160, 160, 3}, .classes = 2});
//   load_weights(cat_or_dog.base, "mobilenet_v2_….h5");   // io/keras_file.h
//   set_trainable(cat_or_dog.base.layers(), false);       // then only the head learns
//   fit(cat_or_dog.net, photographs, {.input_scale = 1});
//
// The four networks share their layers: what trains the head, or loads the base, has done it for all of them.
#pragma once

#include <string_view>
#include <vector>

#include "mien/models/imagenet.h"

namespace mien::models {

/// What stands behind the base: Flatten or the mean over each map, Dense + ReLU, dropout, one logit a class.
struct HeadOptions {
  bool pooled = true;  ///< the mean over each map; false: Flatten, all its places
  int hidden = 0;      ///< units of a Dense layer with ReLU; 0: there is none
  float dropout = 0;   ///< before the last layer; 0: there is none
};

struct TransferOptions {
  Shape input = {};  ///< of the pictures (height, width, channels): 3 channels, or 1, which becomes three equal ones
  int classes = 2;
  double alpha = 1;  ///< of MobileNetV2
  /// What happens to the pixels 0 to 255 first. The published weights expect imagenet_facts(name).preprocessing.
  Preprocessing preprocessing = Preprocessing::unit;
  HeadOptions head = {};
};

/// All in one, and its parts.
struct TransferNetwork {
  Model net;       ///< pictures (pixels 0 to 255) → logits
  Model features;  ///< pictures → what the head reads: maps, or (1, 1, channels) where it is pooled
  Model head;      ///< that → logits
  Model base;      ///< the published network: colour pictures, prepared → maps. Here its weights are loaded
};

/// Without weights. Throws Error for an unknown base, pictures too small for it, or not of 1 or 3 channels.
TransferNetwork transfer_network(std::string_view base, const TransferOptions& options);

/// Draws the weights of all four.
void initialize(TransferNetwork& network, std::uint64_t seed);

/// Freezes layers, or lets them learn again. A frozen layer keeps its weights; batch normalisation then normalises by
/// its statistics as in inference, and keeps them: Keras's layer.trainable = False.
void set_trainable(const std::vector<Layer>& layers, bool on);

/// Lets the last `blocks` blocks (ImageNetFacts) of a base learn and freezes the others; batch normalisation is frozen
/// in all of them, for a few photographs make poor statistics. Throws Error where there are not so many blocks.
void train_last_blocks(const Model& base, const ImageNetFacts& facts, int blocks);

/// The outputs of a network for a value of another graph: its layers, weights included, are in both.
Symbol applied_to(const Symbol& input, const Model& network);

}  // namespace mien::models
