#include "mien/bench/networks.h"

#include <map>

#include "mien/core/nearest_name.h"
#include "mien/layers/layers.h"
#include "mien/models/imagenet.h"

namespace mien::bench {
namespace {

/// Writes a description layer by layer; each call appends one and makes it the place where the next goes on.
class Writer {
 public:
  explicit Writer(NetworkDescription& description) : layers_(description.layers) {
    layers_.push_back({.name = "input", .kind = "input"});
  }

  const std::string& last() const { return layers_.back().name; }

  void append(LayerDescription layer, std::vector<std::string> inputs = {}) {
    layer.inputs = inputs.empty() ? std::vector<std::string>{last()} : std::move(inputs);
    layers_.push_back(std::move(layer));
  }

  /// Convolution without bias, batch normalisation, activation; the padding keeps the size at stride 1.
  void convolution(const std::string& name, int filters, int kernel, int stride, const std::string& activation,
                   const std::string& input = "") {
    append(
        {.name = name, .kind = "conv2d", .filters = filters, .kernel = kernel, .stride = stride, .padding = kernel / 2},
        input.empty() ? std::vector<std::string>{} : std::vector<std::string>{input});
    finish(name, activation);
  }
  void depthwise(const std::string& name, int stride, const std::string& activation) {
    append({.name = name, .kind = "depthwise_conv2d", .kernel = 3, .stride = stride, .padding = 1});
    finish(name, activation);
  }
  void dense(const std::string& name, int units, const std::string& activation = "linear") {
    append({.name = name, .kind = "dense", .filters = units, .bias = true, .activation = activation});
  }

 private:
  void finish(const std::string& name, const std::string& activation) {
    append({.name = name + "_bn", .kind = "batch_normalization"});
    if (activation != "linear")
      append({.name = name + "_" + activation, .kind = "activation", .activation = activation});
  }

  std::vector<LayerDescription>& layers_;
};

void write_seed(NetworkDescription& description) {
  Writer net(description);
  int number = 0;
  for (const int filters : {8, 16, 32, 64, 128}) {
    const std::string suffix = number == 0 ? "" : "_" + std::to_string(number);
    net.append({.name = "conv2d" + suffix,
                .kind = "conv2d",
                .filters = filters,
                .kernel = 3,
                .padding = 1,
                .bias = true,
                .activation = "relu"});
    net.append({.name = "max_pooling2d" + suffix, .kind = "max_pool2d", .kernel = 2, .stride = 2});
    ++number;
  }
  net.append({.name = "flatten", .kind = "flatten"});
  net.dense("dense", 256, "relu");
  net.dense("dense_1", description.classes);
}

void write_mobilenetv2(NetworkDescription& description) {
  struct Stage {
    int expansion, filters, blocks, stride;
  };
  Writer net(description);
  net.convolution("stem", 32, 3, 2, "relu6");
  int channels = 32, number = 0;
  for (const Stage& stage :
       {Stage{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}})
    for (int block = 0; block < stage.blocks; ++block) {
      const std::string name = "block" + std::to_string(++number), before = net.last();
      const int stride = block == 0 ? stage.stride : 1;
      if (stage.expansion != 1) net.convolution(name + "_expand", channels * stage.expansion, 1, 1, "relu6");
      net.depthwise(name + "_depthwise", stride, "relu6");
      net.convolution(name + "_project", stage.filters, 1, 1, "linear");
      if (stride == 1 && channels == stage.filters)
        net.append({.name = name + "_add", .kind = "add"}, {before, net.last()});
      channels = stage.filters;
    }
  net.convolution("head", 1280, 1, 1, "relu6");
  net.append({.name = "pool", .kind = "global_average_pool2d"});
  net.dense("logits", description.classes);
}

void write_resnet50(NetworkDescription& description) {
  Writer net(description);
  net.convolution("stem", 64, 7, 2, "relu");
  net.append({.name = "stem_pool", .kind = "max_pool2d", .kernel = 3, .stride = 2, .same = true});
  int filters = 64, stage_number = 0;
  for (const int blocks : {3, 4, 6, 3}) {
    ++stage_number;
    for (int block = 0; block < blocks; ++block) {
      const std::string name = "stage" + std::to_string(stage_number) + "_block" + std::to_string(block + 1);
      const std::string before = net.last();
      const int stride = block == 0 && stage_number > 1 ? 2 : 1;
      net.convolution(name + "_reduce", filters, 1, 1, "relu", before);
      net.convolution(name + "_conv", filters, 3, stride, "relu");
      net.convolution(name + "_expand", 4 * filters, 1, 1, "linear");
      const std::string branch = net.last();
      std::string shortcut = before;
      if (block == 0) {
        net.convolution(name + "_shortcut", 4 * filters, 1, stride, "linear", before);
        shortcut = net.last();
      }
      net.append({.name = name + "_add", .kind = "add"}, {shortcut, branch});
      net.append({.name = name + "_relu", .kind = "activation", .activation = "relu"});
    }
    filters *= 2;
  }
  net.append({.name = "pool", .kind = "global_average_pool2d"});
  net.dense("logits", description.classes);
}

constexpr const char* keras_prefix = "keras-";

/// The name that models/imagenet.h has for it.
std::string imagenet_name(const std::string& name) { return name.substr(std::string(keras_prefix).size()); }

Model keras_network(const NetworkDescription& description) {
  return models::imagenet_network(imagenet_name(description.name), {.input = description.input_shape(),
                                                                    .include_top = true,
                                                                    .classes = description.classes,
                                                                    .classifier_activation = linear});
}

NetworkDescription describe_keras_network(const std::string& name, int size, int classes) {
  const models::ImageNetFacts& facts = models::imagenet_facts(imagenet_name(name));
  NetworkDescription description{.name = name,
                                 .size = size ? size : facts.usual_side,
                                 .channels = 3,
                                 .classes = classes ? classes : 1000,
                                 .layers = {},
                                 .keras_name = facts.keras_name};
  const Model net = keras_network(description);
  for (const Layer& layer : net.layers())
    description.layers.push_back({.name = layer->name(), .kind = default_name(layer->kind())});
  return description;
}

Activation activation_of(const std::string& name) {
  return name == "relu" ? Activation(relu) : name == "relu6" ? Activation(relu6) : Activation(linear);
}

Layer make_layer(const LayerDescription& d) {
  const Conv2DLayerOptions convolution{.stride = d.stride,
                                       .padding = Padding::explicit_cells,
                                       .border = {d.padding, d.padding, d.padding, d.padding},
                                       .activation = activation_of(d.activation),
                                       .use_bias = d.bias,
                                       .name = d.name};
  if (d.kind == "conv2d") return Conv2D(d.filters, d.kernel, convolution);
  if (d.kind == "depthwise_conv2d") return DepthwiseConv2D(d.kernel, convolution);
  if (d.kind == "batch_normalization") return BatchNormalization({.name = d.name});
  if (d.kind == "activation") return ActivationLayer(activation_of(d.activation), d.name);
  if (d.kind == "max_pool2d")
    return MaxPool2D(d.kernel,
                     {.stride = d.stride, .padding = d.same ? Padding::same : Padding::valid, .name = d.name});
  if (d.kind == "global_average_pool2d") return GlobalAveragePool2D(false, d.name);
  if (d.kind == "add") return Add(d.name);
  if (d.kind == "flatten") return Flatten(d.name);
  if (d.kind == "dense")
    return Dense(d.filters, {.activation = activation_of(d.activation), .use_bias = d.bias, .name = d.name});
  fail("bench", "no layer is of the kind ", d.kind, ".");
}

}  // namespace

std::vector<std::string> network_names() {
  std::vector<std::string> names{"seed", "mobilenetv2", "resnet50"};
  for (const models::ImageNetFacts& facts : models::imagenet_networks()) names.push_back(keras_prefix + facts.name);
  return names;
}

NetworkDescription describe_network(const std::string& name, int size, int classes) {
  if (name.rfind(keras_prefix, 0) == 0) return describe_keras_network(name, size, classes);
  const bool seed = name == "seed";
  NetworkDescription description{.name = name,
                                 .size = size   ? size
                                         : seed ? 256
                                                : 224,
                                 .channels = seed ? 1 : 3,
                                 .classes = classes ? classes
                                            : seed  ? 5
                                                    : 1000,
                                 .layers = {}};
  if (seed)
    write_seed(description);
  else if (name == "mobilenetv2")
    write_mobilenetv2(description);
  else if (name == "resnet50")
    write_resnet50(description);
  else
    fail("bench", "there is no network ", name, ". Did you mean ", nearest_name(name, network_names()), "?");
  return description;
}

Model build_network(const NetworkDescription& description) {
  if (!description.keras_name.empty()) return keras_network(description);
  std::map<std::string, Symbol> values;
  for (const LayerDescription& layer : description.layers) {
    if (layer.kind == "input") {
      values.emplace(layer.name, Input(description.input_shape(), layer.name));
      continue;
    }
    std::vector<Symbol> inputs;
    for (const std::string& input : layer.inputs) inputs.push_back(values.at(input));
    values.emplace(layer.name, make_layer(layer)(inputs));
  }
  return Model(values.at(description.layers.front().name), values.at(description.layers.back().name), description.name);
}

nlohmann::json to_json(const NetworkDescription& description) {
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerDescription& layer : description.layers)
    layers.push_back({{"name", layer.name},
                      {"kind", layer.kind},
                      {"inputs", layer.inputs},
                      {"filters", layer.filters},
                      {"kernel", layer.kernel},
                      {"stride", layer.stride},
                      {"padding", layer.padding},
                      {"same", layer.same},
                      {"bias", layer.bias},
                      {"activation", layer.activation}});
  return {{"name", description.name},
          {"size", description.size},
          {"channels", description.channels},
          {"classes", description.classes},
          {"keras_name", description.keras_name},
          {"layers", layers}};
}

}  // namespace mien::bench
