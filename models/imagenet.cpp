#include "mien/models/imagenet.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "mien/core/nearest_name.h"
#include "mien/kernels/error.h"
#include "mien/models/densenet121.h"
#include "mien/models/inception_v3.h"
#include "mien/models/mobilenet_v2.h"
#include "mien/models/resnet50.h"
#include "mien/models/vgg16.h"
#include "mien/models/xception.h"

namespace mien::models {
namespace {

using Builder = Symbol (*)(const Symbol&, const ImageNetOptions&);

Builder builder_of(const std::string& name) {
  return name == "inception_v3"   ? inception_v3
         : name == "densenet121"  ? densenet121
         : name == "vgg16"        ? vgg16
         : name == "mobilenet_v2" ? mobilenet_v2
         : name == "xception"     ? xception
                                  : resnet50;
}

std::vector<ImageNetBlock> inception_blocks() {
  std::vector<ImageNetBlock> blocks{{"stem", "max_pooling2d_1"}};
  for (int i = 0; i <= 10; ++i) blocks.push_back({join("mixed", i), join("mixed", i)});
  return blocks;
}

std::vector<ImageNetBlock> densenet_blocks() {
  std::vector<ImageNetBlock> blocks{{"conv1", "pool1"}};
  for (int i = 2; i <= 4; ++i) blocks.push_back({join("conv", i), join("pool", i, "_pool")});
  blocks.push_back({"conv5", "relu"});
  return blocks;
}

std::vector<ImageNetBlock> vgg_blocks() {
  std::vector<ImageNetBlock> blocks;
  for (int i = 1; i <= 5; ++i) blocks.push_back({join("block", i), join("block", i, "_pool")});
  return blocks;
}

std::vector<ImageNetBlock> mobilenet_blocks() {
  std::vector<ImageNetBlock> blocks{{"stem", "Conv1_relu"}, {"expanded_conv", "expanded_conv_project_BN"}};
  for (int i = 1; i <= 16; ++i) {
    const bool adds = i != 1 && i != 3 && i != 6 && i != 10 && i != 13 && i != 16;
    blocks.push_back({join("block_", i), join("block_", i, adds ? "_add" : "_project_BN")});
  }
  blocks.push_back({"head", "out_relu"});
  return blocks;
}

std::vector<ImageNetBlock> xception_blocks() {
  std::vector<ImageNetBlock> blocks{{"block1", "block1_conv2_act"}, {"block2", "add"}};
  for (int i = 3; i <= 13; ++i) blocks.push_back({join("block", i), join("add_", i - 2)});
  blocks.push_back({"block14", "block14_sepconv2_act"});
  return blocks;
}

std::vector<ImageNetBlock> resnet_blocks() {
  std::vector<ImageNetBlock> blocks{{"conv1", "pool1_pool"}};
  int stage = 1;
  for (const int count : {3, 4, 6, 3}) {
    ++stage;
    for (int i = 1; i <= count; ++i) {
      const std::string name = join("conv", stage, "_block", i);
      blocks.push_back({name, name + "_out"});
    }
  }
  return blocks;
}

/// Keras's name of the whole model.
std::string model_name(const ImageNetFacts& facts, const Shape& picture, double alpha) {
  if (facts.name != "mobilenet_v2") return facts.name;
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << "mobilenetv2_" << std::fixed << std::setprecision(2) << alpha << '_' << picture[0];
  return text.str();
}

}  // namespace

const std::vector<ImageNetFacts>& imagenet_networks() {
  static const std::vector<ImageNetFacts> networks{
      {"inception_v3", "InceptionV3", 75, 299, Preprocessing::tf, inception_blocks()},
      {"densenet121", "DenseNet121", 32, 224, Preprocessing::torch, densenet_blocks()},
      {"vgg16", "VGG16", 32, 224, Preprocessing::caffe, vgg_blocks()},
      {"mobilenet_v2", "MobileNetV2", 32, 224, Preprocessing::tf, mobilenet_blocks()},
      {"xception", "Xception", 71, 299, Preprocessing::tf, xception_blocks()},
      {"resnet50", "ResNet50", 32, 224, Preprocessing::caffe, resnet_blocks()},
  };
  return networks;
}

const ImageNetFacts& imagenet_facts(std::string_view name) {
  std::vector<std::string> names;
  for (const ImageNetFacts& facts : imagenet_networks()) {
    if (facts.name == name) return facts;
    names.push_back(facts.name);
  }
  fail("imagenet", "there is no network \"", name, "\". The nearest name is \"", nearest_name(name, names), "\".");
}

Symbol imagenet_layers(std::string_view name, const Symbol& image, const ImageNetOptions& options) {
  return builder_of(imagenet_facts(name).name)(image, options);
}

Model imagenet_network(std::string_view name, const ImageNetOptions& options) {
  const ImageNetFacts& facts = imagenet_facts(name);
  const Shape picture = options.input.rank() == 0 ? Shape{facts.usual_side, facts.usual_side, 3} : options.input;
  const Symbol image = Input(picture);
  return Model(image, imagenet_layers(name, preprocess(image, options.preprocessing), options),
               model_name(facts, picture, options.alpha));
}

std::vector<Layer> layers_through(const Model& model, const ImageNetFacts& facts, std::string_view block) {
  std::vector<std::string> names;
  const ImageNetBlock* found = nullptr;
  for (const ImageNetBlock& candidate : facts.blocks) {
    names.push_back(candidate.name);
    if (candidate.name == block) found = &candidate;
  }
  check(found != nullptr, facts.name, "there is no block \"", block, "\". The nearest name is \"",
        nearest_name(block, names), "\".");
  // Of all layers before it, it sees the outputs; the order is by depth, so none of them stands behind it.
  const std::vector<Layer>& layers = model.layers();
  const auto last = std::find_if(layers.begin(), layers.end(),
                                 [&](const Layer& layer) { return layer->name() == found->last_layer; });
  check(last != layers.end(), facts.name, "the network has no layer \"", found->last_layer, "\".");
  return {layers.begin(), last + 1};
}

void check_picture(std::string_view name, const Shape& picture) {
  const ImageNetFacts& facts = imagenet_facts(name);
  check(picture.rank() == 3 && picture[0] >= facts.smallest_side && picture[1] >= facts.smallest_side, facts.keras_name,
        "pictures must be at least ", facts.smallest_side, "x", facts.smallest_side,
        " with channels as the last axis. Got ", picture, ".");
}

Symbol pooled_classifier(const Symbol& features, const ImageNetOptions& options, const std::string& pool) {
  check(options.classes >= 1, "imagenet", "at least one class is needed. Got ", options.classes, ".");
  return Dense(options.classes, {.activation = options.classifier_activation, .name = "predictions"})(
      GlobalAveragePool2D(false, pool)(features));
}

}  // namespace mien::models
