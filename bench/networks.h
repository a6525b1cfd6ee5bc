// The networks that are measured whole, as a description that every framework can build from: bench_network makes it
// into a Model of mien, bench/peers reads it as JSON. So all compute the same thing with the same weights.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mien/layers/model.h"

namespace mien::bench {

/// One layer. Fields that its kind has no use for keep their defaults.
struct LayerDescription {
  std::string name;
  std::string kind = "";  ///< "input", "conv2d", "depthwise_conv2d", "batch_normalization", "activation",
                          ///< "max_pool2d" (padding as Keras's "same" where `same`), "global_average_pool2d",
                          ///< "add", "flatten", "dense"
  std::vector<std::string> inputs = {};  ///< names of layers before it
  int filters = 0;                       ///< of a convolution; units of a dense layer
  int kernel = 1, stride = 1;            ///< of a convolution or pool
  int padding = 0;                       ///< cells of zeros on every side of a convolution
  bool same = false;                     ///< of a pool
  bool bias = false;
  std::string activation = "linear";  ///< or relu, relu6
};

struct NetworkDescription {
  std::string name;
  int size = 0, channels = 0, classes = 0;
  std::vector<LayerDescription> layers;  ///< each after its inputs; the last gives one logit a class
  std::string keras_name = {};           ///< "VGG16", of a network of keras.applications: its layers have names and
                                         ///< kinds alone, for each framework has the network itself

  Shape input_shape() const { return {size, size, channels}; }
};

/// "seed", "mobilenetv2", "resnet50", and the six of models/imagenet.h as "keras-vgg16" and so on.
std::vector<std::string> network_names();

/// A network for square pictures. Size and classes of 0 stand for the usual ones: 256 and 5 for the seed network, 224
/// (or what keras.applications takes) and 1000 for the others. Throws Error with the nearest name where there is none
/// of that name.
///
/// seed: as models/seed.h has it. mobilenetv2: Sandler et al., 2018, width 1. resnet50: He et al., 2015, with the
/// stride in the 3x3 convolutions, as the frameworks' model collections have it.
NetworkDescription describe_network(const std::string& name, int size = 0, int classes = 0);

/// The network in mien's layers; not yet initialized.
Model build_network(const NetworkDescription& description);

nlohmann::json to_json(const NetworkDescription& description);

}  // namespace mien::bench
