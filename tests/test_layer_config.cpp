// Layers as data: every layer describes itself as Keras would, and is made again from its description.
#include <catch2/catch.hpp>
#include <set>

#include "mien/core/random.h"
#include "mien/kernels/error.h"
#include "mien/layers/config.h"
#include "mien/layers/layers.h"

using namespace mien;

namespace {

using List = ConfigValue::List;

struct Sample {
  Layer layer;
  std::vector<Shape> inputs = {{6, 8, 4}};
};

/// Every layer class, with settings that differ from the defaults wherever there are any.
std::vector<Sample> samples() {
  const Conv2DLayerOptions all{.stride = {2, 1},
                               .padding = Padding::same,
                               .activation = leaky_relu(0.4f),
                               .use_bias = false,
                               .kernel_initializer = he_normal,
                               .bias_initializer = constant(0.1f),
                               .kernel_regularizer = l2(0.01f),
                               .bias_regularizer = l1(0.5f),
                               .activity_regularizer = {0.1f, 0.2f},
                               .name = "all"};
  Conv2DLayerOptions groups{.dilation = {1, 2}, .groups = 2, .activation = relu6, .name = "groups"};
  const Conv2DLayerOptions cells{
      .padding = Padding::explicit_cells, .border = {1, 0, 2, 3}, .activation = softmax, .name = "cells"};
  return {{Conv2D(6, {3, 2}, all)},
          {Conv2D(6, 3, groups)},
          {Conv2D(2, 3, cells)},
          {DepthwiseConv2D({3, 2}, {.stride = 2, .activation = sigmoid, .name = "depthwise"}, 2)},
          {SeparableConv2D(5, {3, 2},
                           {.stride = 2,
                            .padding = Padding::same,
                            .depth_multiplier = 2,
                            .activation = relu,
                            .depthwise_initializer = he_normal,
                            .pointwise_initializer = lecun_uniform,
                            .bias_initializer = constant(0.5f),
                            .depthwise_regularizer = l2(0.5f),
                            .pointwise_regularizer = l1(0.25f),
                            .name = "separable"})},
          {Dense(3, {.activation = hyperbolic_tangent, .kernel_initializer = lecun_uniform, .name = "dense"})},
          {Dense(3, {.use_bias = false, .kernel_regularizer = l1(0.25f), .name = "bare"}), {{5}}},
          {BatchNormalization({.momentum = 0.9f, .epsilon = 1e-5f, .center = false, .name = "norm"})},
          {BatchNormalization({.scale = false, .name = "norm_unscaled"})},
          {MaxPool2D({3, 2}, {.stride = {2, 1}, .padding = Padding::same, .name = "largest"})},
          {AveragePool2D(2, {.name = "mean"})},
          {GlobalAveragePool2D(true, "global")},
          {GlobalAveragePool2D()},
          {Dropout(0.25f, "dropout")},
          {ActivationLayer(sigmoid, "activation")},
          {ActivationLayer(leaky_relu(0.7f), "leaky_activation")},
          {ReLU("relu")},
          {LeakyReLU(0.15f, "leaky")},
          {Softmax("softmax")},
          {Add("add"), {{6, 8, 4}, {6, 8, 4}, {6, 8, 4}}},
          {Subtract("subtract"), {{6, 8, 4}, {6, 8, 4}}},
          {Multiply("multiply"), {{6, 8, 4}, {6, 8, 4}}},
          {Standardize(1e-5f, "standardize")},
          {Rescaling(1 / 255.0f, -0.5f, "rescaling")},
          {Normalization({.mean = {0.5f}, .variance = {4}, .invert = true, .name = "normalization"})},
          {ReverseChannels("reversed")},
          {ReLU({.max_value = 6, .name = "relu6"})},
          {Flatten("flatten")},
          {Reshape({8, 24}, "reshape")},
          {ZeroPadding2D({1, 2, 3, 4}, "zeros")},
          {Cropping2D({1, 2, 3, 4}, "cropping")},
          {UpSampling2D({2, 3}, "up")},
          {UpSampling2D({2, 3}, Resampling::bilinear, "between")},
          {GlobalMaxPool2D(true, "global_largest")},
          {Resizing({3, 4}, {.resampling = Resampling::area, .aspect_ratio = AspectRatio::pad, .name = "padded"})},
          {Resizing({9, 4}, {.antialias = true, .aspect_ratio = AspectRatio::crop, .name = "cropped"})},
          {CenterCrop({5, 3}, "middle")},
          {Concatenate(0, "first"), {{6, 8, 4}, {2, 8, 4}}},
          {Concatenate(-1, "last"), {{6, 8, 4}, {6, 8, 2}}}};
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Random random(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (float& value : values) value = random.uniform(0.1f, 1);
  return Tensor::from(values, shape);
}

std::string error_of(const LayerConfig& config) {
  try {
    make_layer(config);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every layer is made again from its config, with the same settings, weights and outputs", "[layer_config]") {
  std::set<std::string> kinds;
  for (const Sample& sample : samples()) {
    const LayerConfig config = sample.layer->config();
    INFO(to_text(config));
    sample.layer->set_trainable(config.name() != "norm");
    const Layer twin = make_layer(sample.layer->config());
    CHECK(twin->config() == sample.layer->config());
    CHECK(twin->kind() == sample.layer->kind());
    CHECK(twin->name() == sample.layer->name());
    CHECK(twin->trainable() == sample.layer->trainable());
    kinds.insert(twin->kind());

    sample.layer->build_once(sample.inputs);
    twin->build_once(sample.inputs);
    const auto &ours = sample.layer->parameters(), &theirs = twin->parameters();
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      CHECK(ours[i]->name == theirs[i]->name);
      CHECK(ours[i]->initializer.kind == theirs[i]->initializer.kind);
      CHECK(ours[i]->initializer.value == theirs[i]->initializer.value);
      CHECK(ours[i]->regularizer.l1 == theirs[i]->regularizer.l1);
      CHECK(ours[i]->regularizer.l2 == theirs[i]->regularizer.l2);
      const Tensor weights = random_tensor(ours[i]->value.shape(), i);
      ours[i]->value.copy_from(weights);
      theirs[i]->value.copy_from(weights);
    }
    std::vector<Tensor> inputs;
    for (const Shape& shape : sample.inputs) inputs.push_back(random_tensor(shape.with_batch(2), 7));
    CHECK(twin->output_shape(sample.inputs) == sample.layer->output_shape(sample.inputs));
    CHECK(twin->forward(inputs, {}).to_vector() == sample.layer->forward(inputs, {}).to_vector());
  }
  CHECK(kinds.size() == 29);
}

TEST_CASE("a layer's arguments are called and valued as Keras does", "[layer_config]") {
  const LayerConfig config =
      Conv2D(8, {3, 5}, {.padding = Padding::same, .activation = relu, .name = "conv"})->config();
  CHECK(to_text(config) ==
        "Conv2D{name: \"conv\", trainable: true, filters: 8, kernel_size: [3, 5], strides: [1, 1], padding: \"same\", "
        "data_format: \"channels_last\", dilation_rate: [1, 1], groups: 1, activation: \"relu\", use_bias: true, "
        "kernel_initializer: GlorotUniform{}, bias_initializer: Zeros{}, kernel_regularizer: none, "
        "bias_regularizer: none, activity_regularizer: none}");
  CHECK(to_text(BatchNormalization({.name = "norm"})->config()) ==
        "BatchNormalization{name: \"norm\", trainable: true, axis: -1, momentum: 0.99, epsilon: 0.001, center: true, "
        "scale: true}");
  CHECK(to_text(ZeroPadding2D({0, 1, 2, 3}, "pad")->config()) ==
        "ZeroPadding2D{name: \"pad\", trainable: true, padding: [[0, 1], [2, 3]], data_format: \"channels_last\"}");
}

TEST_CASE("a config of Keras 2 and a short one are read as well", "[layer_config]") {
  const LayerConfig scaled{"VarianceScaling", {{"scale", 1.0}, {"mode", "fan_avg"}, {"distribution", "uniform"}}};
  const Layer dense = make_layer({"Dense", {{"units", 3}, {"kernel_initializer", scaled}, {"dtype", "float32"}}});
  CHECK(dense->config() == Dense(3)->config());
  CHECK(make_layer({"Conv2D", {{"filters", 2}, {"kernel_size", 3}}})->config() == Conv2D(2, 3)->config());
  CHECK(make_layer({"LeakyReLU", {{"alpha", 0.5}}})->config() == LeakyReLU(0.5f)->config());
  const LayerConfig function{"function", {{"config", "relu6"}}};
  CHECK(make_layer({"Activation", {{"activation", function}}})->config() == ActivationLayer(relu6)->config());
  const LayerConfig six = make_layer({"ReLU", {{"max_value", 6.0}}})->config();
  CHECK(to_text(six) == "ReLU{name: \"\", trainable: true, max_value: 6, negative_slope: 0, threshold: 0}");
  CHECK(make_layer(six)->config() == six);
}

TEST_CASE("a layer or setting that is not there is refused with layer, argument and value", "[layer_config]") {
  CHECK(error_of({"LSTM", {{"name", "memory"}, {"units", 3}}}) ==
        "[make_layer] layer \"memory\": there is no layer class LSTM here.");
  const std::vector<std::pair<LayerConfig, std::string>> cases{
      {{"Conv2D", {{"name", "c"}, {"filters", 2}, {"kernel_size", 3}, {"padding", "causal"}}},
       "layer \"c\" (Conv2D): padding can be valid or same. Got \"causal\"."},
      {{"Conv2D", {{"name", "c"}, {"filters", 2}, {"kernel_size", 3}, {"data_format", "channels_first"}}},
       "layer \"c\" (Conv2D): data_format can be \"channels_last\". Got \"channels_first\"."},
      {{"Conv2D", {{"name", "c"}, {"kernel_size", 3}}}, "layer \"c\" (Conv2D): filters is missing."},
      {{"Conv2D", {{"name", "c"}, {"filters", 2}}}, "layer \"c\" (Conv2D): kernel_size is missing."},
      {{"Conv2D", {{"filters", 2.5}, {"kernel_size", 3}}}, "filters can be whole numbers below 2^31. Got 2.5."},
      {{"Conv2D", {{"filters", std::int64_t{1} << 40}, {"kernel_size", 3}}}, "Got 1099511627776."},
      {{"Conv2D", {{"filters", 2}, {"kernel_size", List{1, 2, 3}}}}, "one number or two. Got [1, 2, 3]."},
      {{"Dense", {{"units", 2}, {"activation", "gelu"}}}, "activation can be linear, relu"},
      {{"Dense", {{"units", 2}, {"kernel_initializer", LayerConfig{"Orthogonal", {}}}}}, "Got Orthogonal{}."},
      {{"Dense", {{"units", 2}, {"kernel_constraint", LayerConfig{"MaxNorm", {}}}}},
       "there is no setting kernel_constraint here. Got MaxNorm{}."},
      {{"Dense", {{"units", 2}, {"dtype", "bfloat16"}}}, "dtype can be float32. Got \"bfloat16\"."},
      {{"Dense", {{"units", 2}, {"units", 3}}}, "units is given twice."},
      {{"Dense", {{"units", 0}}}, "[Dense] at least one unit is needed. Got 0."},
      {{"ReLU", {{"max_value", 3.0}}}, "max_value can be 6"},
      {{"ReLU", {{"threshold", 0.5}}}, "threshold can be 0. Got 0.5."},
      {{"UpSampling2D", {{"interpolation", "bicubic"}}},
       "interpolation can be nearest, bilinear or area. Got \"bicubic\"."},
      {{"GroupNormalization", {{"groups", 4}}}, "groups can be 1. Got 4."},
      {{"Concatenate", {{"axis", 0}}}, "axis 0 is the batch."},
      {{"Reshape", {{"target_shape", List{-1, 3}}}}, "Got -1."},
      {{"Dropout", {{"rate", "half"}}}, "rate can be a number. Got \"half\"."},
  };
  for (const auto& [config, wanted] : cases) CHECK_THAT(error_of(config), Catch::Contains(wanted));
}

TEST_CASE("a layer of the user's own without a config says so", "[layer_config]") {
  class Twice : public Module {
   public:
    std::string kind() const override { return "Twice"; }
    Shape output_shape(const std::vector<Shape>& inputs) const override { return inputs.at(0); }
    Tensor forward(const std::vector<Tensor>& inputs, const Call&) override { return inputs.at(0); }
    std::shared_ptr<Module> clone() const override { return std::make_shared<Twice>(*this); }
  };
  CHECK_THROWS_WITH(Twice().config(), "[Twice] a layer of class Twice cannot describe itself: it has no config().");
}
