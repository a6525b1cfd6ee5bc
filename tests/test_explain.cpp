// What a network sees: small networks whose maps are worked out on paper, gradients against finite differences.
#include <catch2/catch.hpp>
#include <cmath>

#include "mien/core/random.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/models/explain.h"
#include "mien/models/seed.h"
#include "tested_devices.h"

using namespace mien;
using Catch::Matchers::Contains;
using Values = std::vector<float>;

namespace {

Tensor random_picture(const Shape& shape, std::uint64_t seed = 1) {
  Random random(seed, Purpose::test);
  Values values(static_cast<std::size_t>(shape.size()));
  for (float& value : values) value = random.uniform(-1, 1);
  return Tensor::from(values, shape);
}

void set(const Model& net, const std::string& name, const Values& values) {
  for (const auto& parameter : net.parameters())
    if (parameter->full_name == name) return parameter->value.copy_from(Tensor::from(values, parameter->value.shape()));
  FAIL("no parameter " << name);
}

float sigmoid_of(double x) { return static_cast<float>(1 / (1 + std::exp(-x))); }

/// Moving statistics and offsets that a fresh network does not have.
void unsettle(const Model& net) {
  std::uint64_t which = 100;
  for (const auto& parameter : net.parameters()) {
    if (parameter->value.shape().rank() != 1) continue;
    Random random(3, Purpose::test, which++);
    Values values(static_cast<std::size_t>(parameter->value.size()));
    for (float& value : values) value = random.uniform(0.5f, 1.5f);
    parameter->value.copy_from(Tensor::from(values, parameter->value.shape()));
  }
}

void check_close(const Tensor& tensor, const Values& expected, double margin = 1e-6) {
  const Values values = tensor.to_vector();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("value " << i);
    CHECK(values[i] == Approx(expected[i]).margin(margin));
  }
}

// Of the picture 1 2 / 3 4, two filters of 1x1 make A = x and B = relu(3 - x): 2 1 / 0 0. The logit of class 0 is
// A11 + A22 - (B11 + B12 + B21 + B22) = 2, that of class 1 is -A11.
const Tensor small_picture = Tensor::from(Values{1, 2, 3, 4}, {2, 2, 1});

Sequential small_net(const Layer& last = Dense(2, {.name = "logits"})) {
  Sequential net{Conv2D(2, 1, {.activation = relu, .name = "filters"}), Flatten(), last};
  net.build({2, 2, 1}, 1);
  set(net, "filters/kernel", {1, -1});
  set(net, "filters/bias", {0, 3});
  set(net, last->name() + "/kernel", {1, -1, -1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 1, 0, -1, 0});
  return net;
}

/// A picture passes "target" and, beside it, nothing; then both are added, normalised and rectified.
struct Residual {
  Layer before = Conv2D(3, 3, {.padding = Padding::same, .activation = hyperbolic_tangent, .name = "before"});
  Layer target = Conv2D(3, 3, {.padding = Padding::same, .activation = hyperbolic_tangent, .name = "target"});
  Layer both = Add("both");
  Layer normal = BatchNormalization({.name = "normal"});
  Layer smooth = ActivationLayer(sigmoid, "smooth");
  Layer pool = GlobalAveragePool2D(false, "pool");
  Layer logits = Dense(4, {.name = "logits"});

  Symbol behind(const Symbol& skipped, const Symbol& made) const {
    return logits(pool(smooth(normal(both({skipped, made})))));
  }
  Model whole() const {
    const Symbol picture = Input({5, 6, 2}), value = before(picture);
    Model net(picture, behind(value, target(value)));
    net.initialize(7);
    unsettle(net);
    return net;
  }
};

}  // namespace

TEST_CASE("Grad-CAM of a network small enough for paper", "[explain]") {
  const Sequential net = small_net();
  const LayerGradient gradient = class_gradient(net, small_picture, 0);
  CHECK(gradient.layer == "filters");
  CHECK(gradient.logit == Approx(2));
  check_close(gradient.values, {1, 2, 2, 1, 3, 0, 4, 0});
  check_close(gradient.gradient, {1, -1, 0, -1, 0, -1, 1, -1});  // where ReLU killed a value, too

  // The filters' weights are the means 2/4 and -4/4: A / 2 - B = -1.5 0 / 1.5 2, cut off and divided by 2.
  const HeatMap heat = grad_cam(net, small_picture, 0);
  CHECK(heat.largest == Approx(2));
  CHECK(heat.values.shape() == Shape{2, 2});
  check_close(heat.values, {0, 0, 0.75f, 1});
  check_close(heat.on_picture, {0, 0, 0.75f, 1});
}

TEST_CASE("a network on another device is explained to the same numbers", "[explain]") {
  for (const Device device : testing::tested_devices()) {
    INFO(device);
    Sequential net = small_net();
    net.to(device);
    const HeatMap heat = grad_cam(net, small_picture, 0);
    CHECK(heat.values.device() == Device::cpu);
    check_close(heat.values, {0, 0, 0.75f, 1});
    check_close(feature_maps(net, small_picture)[0].values, {1, 2, 2, 1, 3, 0, 4, 0});
    // The logits are 2 and -1. A pixel covered by 0 makes A 0 and B 3 there: 0 and 0, 0 and -1, -1 and -1, -5 and -1.
    const OcclusionMap map = occlusion_map(net, small_picture, 0, {.window = 1, .fill = 0.0f});
    CHECK(map.probability == Approx(sigmoid_of(3)));
    CHECK(map.drops.device() == Device::cpu);
    const float all = sigmoid_of(3);
    check_close(map.drops, {all - 0.5f, all - sigmoid_of(1), all - 0.5f, all - sigmoid_of(-4)});
  }
}

TEST_CASE("a class that nothing speaks for has a map of zeros", "[explain]") {
  const HeatMap heat = grad_cam(small_net(), small_picture, 1);
  CHECK(heat.largest == 0);
  check_close(heat.values, {0, 0, 0, 0});
  check_close(heat.on_picture, {0, 0, 0, 0});
}

TEST_CASE("a heat map is stretched to the picture between the centres of its cells", "[explain]") {
  Sequential net{Conv2D(1, 1, {.stride = 2}), Flatten(), Dense(1)};
  net.build({4, 4, 1}, 1);
  set(net, "conv2d/kernel", {1});
  set(net, "dense/kernel", {1, 1, 1, 1});
  Values picture(16);
  picture[2] = picture[8] = picture[10] = 3;  // the layer sees 0 3 / 3 3
  const HeatMap heat = grad_cam(net, Tensor::from(picture, {4, 4, 1}), 0);
  check_close(heat.values, {0, 1, 1, 1});
  CHECK(heat.on_picture.shape() == Shape{4, 4});
  const float a = 0.25f, b = 0.75f;
  check_close(heat.on_picture, {0, a, b, 1, a, 1 - b * b, 1 - a * b, 1, b, 1 - a * b, 1 - a * a, 1, 1, 1, 1, 1});
}

TEST_CASE("the logit of a network that ends in a softmax is what the softmax reads", "[explain]") {
  const LayerGradient plain = class_gradient(small_net(), small_picture, 0);
  const Sequential dense = small_net(Dense(2, {.activation = softmax, .name = "logits"}));
  Sequential layer{Conv2D(2, 1, {.activation = relu, .name = "filters"}), Flatten(), Dense(2, {.name = "logits"}),
                   Softmax()};
  layer.build({2, 2, 1}, 1);
  for (const auto& parameter : dense.parameters()) set(layer, parameter->full_name, parameter->value.to_vector());
  for (const Model* net : {static_cast<const Model*>(&dense), static_cast<const Model*>(&layer)}) {
    const LayerGradient gradient = class_gradient(*net, small_picture, 0);
    CHECK(gradient.logit == Approx(plain.logit));
    check_close(gradient.gradient, plain.gradient.to_vector());
    CHECK(occlusion_map(*net, small_picture, 0, {.window = 1}).probability ==
          Approx(occlusion_map(small_net(), small_picture, 0, {.window = 1}).probability));
  }
}

TEST_CASE("the gradient at a layer of a residual network with batch normalisation is that of finite differences",
          "[explain]") {
  const Residual layers;
  const Model net = layers.whole();
  const Tensor picture = random_picture({5, 6, 2});
  const LayerGradient found = class_gradient(net, picture, 2, "target");
  REQUIRE(found.values.shape() == Shape{5, 6, 3});

  const Symbol skipped = Input({5, 6, 3}), made = Input({5, 6, 3});
  Model tail({skipped, made}, {layers.behind(skipped, made)});
  tail.mark_initialized();
  const Tensor before = feature_maps(net, picture, {"before"})[0].values.with_shape({1, 5, 6, 3});
  const NoGrad no_grad;
  const auto logit = [&](const Values& values) {
    return tail.forward({before, Tensor::from(values, {1, 5, 6, 3})}, {})[0].to_vector()[2];
  };
  const Values values = found.values.to_vector(), gradient = found.gradient.to_vector();
  CHECK(logit(values) == Approx(found.logit).epsilon(1e-5));
  double largest = 0;
  for (const float one : gradient) largest = std::max(largest, std::abs(static_cast<double>(one)));
  REQUIRE(largest > 1e-3);
  constexpr float step = 0.05f;
  for (std::size_t i = 0; i < values.size(); i += 7) {
    Values up = values, down = values;
    up[i] += step, down[i] -= step;
    INFO("value " << i);
    CHECK(gradient[i] == Approx((logit(up) - logit(down)) / (2 * step)).margin(0.01 * largest));
  }
}

TEST_CASE("a network's weights and their gradients stay as they are", "[explain]") {
  const Model net = Residual().whole();
  grad_cam(net, random_picture({5, 6, 2}), 1);
  occlusion_map(net, random_picture({5, 6, 2}), 1);
  for (const auto& parameter : net.parameters()) CHECK_FALSE(parameter->value.grad().defined());
  CHECK(net.trainable_parameters().size() == 8);
}

TEST_CASE("Grad-CAM looks at a convolution after its activation, also behind batch normalisation", "[explain]") {
  Sequential net{Conv2D(2, 3, {.use_bias = false, .name = "first"}),
                 BatchNormalization(),
                 ReLU("first_relu"),
                 Conv2D(2, 3, {.activation = relu, .name = "second"}),
                 BatchNormalization(),
                 ReLU(),  // not the activation of "second", which has its own
                 MaxPool2D(2),
                 Flatten(),
                 Dense(3)};
  net.build({8, 8, 1}, 2);
  const Tensor picture = random_picture({8, 8, 1});
  CHECK(grad_cam(net, picture, 0, "first").layer == "first_relu");
  CHECK(grad_cam(net, picture, 0).layer == "second");
  CHECK(grad_cam(net, picture, 0, "max_pooling2d").layer == "max_pooling2d");
  const HeatMap named = grad_cam(net, picture, 0, "first"), activation = grad_cam(net, picture, 0, "first_relu");
  CHECK(named.values.to_vector() == activation.values.to_vector());
  CHECK(named.values.shape() == Shape{6, 6});
}

TEST_CASE("feature maps of a network are the same fused and unfused, and what the layers hand on", "[explain]") {
  Sequential net{Conv2D(4, 3, {.padding = Padding::same, .activation = relu, .algorithm = Conv2dAlgorithm::direct}),
                 MaxPool2D(2),
                 Conv2D(3, 3, {.algorithm = Conv2dAlgorithm::direct}),
                 ReLU(),
                 MaxPool2D(2),
                 Flatten(),
                 Dense(2)};
  net.build({12, 12, 1}, 5);
  const Tensor picture = random_picture({12, 12, 1});
  std::vector<std::string> names;
  for (const Layer& layer : net.layers()) names.push_back(layer->name());
  REQUIRE(net.plan().steps.size() < names.size());
  const std::vector<FeatureMaps> fused = feature_maps(net, picture, names);

  // The fused steps carry the convolutions' names and have the pools' outputs.
  Call call;
  std::vector<std::pair<std::string, Values>> seen;
  call.observer = [&](std::string_view layer, const Tensor& y) { seen.emplace_back(layer, y.to_vector()); };
  net.forward(picture.with_shape({1, 12, 12, 1}), call);
  REQUIRE(seen.size() == 4);
  CHECK(fused[1].layer == "max_pooling2d");
  CHECK(fused[1].values.to_vector() == seen[0].second);
  CHECK(fused[4].values.to_vector() == seen[1].second);
  CHECK(fused[6].values.to_vector() == seen[3].second);

  net.set_fusion(false);
  const std::vector<FeatureMaps> unfused = feature_maps(net, picture, names);
  seen.clear();
  net.forward(picture.with_shape({1, 12, 12, 1}), call);
  REQUIRE(unfused.size() == names.size());
  REQUIRE(seen.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(fused[i].layer == names[i]);
    CHECK(fused[i].values.to_vector() == unfused[i].values.to_vector());
    CHECK(unfused[i].values.to_vector() == seen[i].second);
  }
  const std::vector<FeatureMaps> convolutions = feature_maps(net, picture);
  REQUIRE(convolutions.size() == 2);
  CHECK(convolutions[0].values.shape() == Shape{12, 12, 4});
  CHECK(convolutions[1].layer == "conv2d_1");
}

TEST_CASE("a layer that is used twice gives its maps twice", "[explain]") {
  const Layer twice = Conv2D(1, 1, {.name = "twice"});
  const Symbol picture = Input({2, 2, 1});
  Model net(picture, Dense(2)(Flatten()(twice(twice(picture)))));
  net.initialize(1);
  set(net, "twice/kernel", {2});
  const std::vector<FeatureMaps> maps = feature_maps(net, small_picture, {"twice"});
  REQUIRE(maps.size() == 2);
  check_close(maps[0].values, {2, 4, 6, 8});
  check_close(maps[1].values, {4, 8, 12, 16});
}

TEST_CASE("first filters are scaled around zero", "[explain]") {
  Sequential net{Conv2D(2, {1, 2}), Flatten(), Dense(2)};
  net.build({3, 3, 1}, 1);
  set(net, "conv2d/kernel", {1, -4, 2, 0});  // filter 0: 1 2, filter 1: -4 0
  const Filters filters = first_layer_filters(net);
  CHECK(filters.layer == "conv2d");
  CHECK(filters.largest == 4);
  CHECK(filters.values.shape() == Shape{2, 1, 2, 1});
  check_close(filters.values, {0.25f, 0.5f, -1, 0});

  Sequential depthwise{DepthwiseConv2D({1, 2}, {}, 2), Flatten(), Dense(2)};
  depthwise.build({3, 3, 2}, 1);
  set(depthwise, "depthwise_conv2d/kernel", {1, 2, 3, 4, 5, 6, 7, 8});
  const Filters each = first_layer_filters(depthwise);
  CHECK(each.values.shape() == Shape{4, 1, 2, 1});
  check_close(each.values, {1 / 8.0f, 5 / 8.0f, 2 / 8.0f, 6 / 8.0f, 3 / 8.0f, 7 / 8.0f, 4 / 8.0f, 1});
}

namespace {

/// The logit of class 0 is the sum of the pixels, each times its weight; that of class 1 is 0.
Sequential linear_net(int side, const Values& weights) {
  Sequential net{Flatten(), Dense(2)};
  net.build({side, side, 1}, 1);
  Values both;
  for (const float weight : weights) both.insert(both.end(), {weight, 0});
  set(net, "dense/kernel", both);
  return net;
}

}  // namespace

TEST_CASE("the occlusion map of a linear network is that of its covered sums", "[explain]") {
  const Values weights{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2, 0, 0, 0, 0, 0.5f};
  const Sequential net = linear_net(4, weights);
  const OcclusionMap map =
      occlusion_map(net, Tensor::from(Values(16, 1), {4, 4, 1}), 0, {.window = 2, .stride = 2, .fill = 0.0f});
  // All: 1 - 2 + 0.5 = -0.5. Without the upper left -1.5, without the lower right 1.
  CHECK(map.probability == Approx(sigmoid_of(-0.5)));
  CHECK(map.drops.shape() == Shape{2, 2});
  const auto left = sigmoid_of(-0.5) - sigmoid_of(-1.5), right = sigmoid_of(-0.5) - sigmoid_of(1);
  CHECK(left > 0);
  CHECK(right < 0);
  check_close(map.drops, {left, 0, 0, right});
  check_close(map.on_picture, {left, left, 0, 0, left, left, 0, 0, 0, 0, right, right, 0, 0, right, right});
}

TEST_CASE("windows that overlap share their drops, and the last one ends at the border", "[explain]") {
  const Sequential net = linear_net(3, {2, 0, 0, 0, 0, 0, 0, 0, 0});
  const OcclusionMap map = occlusion_map(net, Tensor::from(Values(9, 1), {3, 3, 1}), 0,
                                         {.window = 2, .stride = 2, .fill = 0.0f, .batch = 3});
  CHECK(map.drops.shape() == Shape{2, 2});
  const float drop = sigmoid_of(2) - 0.5f;
  check_close(map.drops, {drop, 0, 0, 0});
  check_close(map.on_picture, {drop, drop / 2, 0, drop / 2, drop / 4, 0, 0, 0, 0});
}

TEST_CASE("what covers is the picture's mean, unless another value is given", "[explain]") {
  const Sequential net = linear_net(2, {1, 0, 0, 0});
  const Tensor picture = Tensor::from(Values{3, 1, 1, 1}, {2, 2, 1});  // mean 1.5
  check_close(occlusion_map(net, picture, 0, {.window = 1}).drops, {sigmoid_of(3) - sigmoid_of(1.5), 0, 0, 0});
  check_close(occlusion_map(net, picture, 1, {.window = 1, .fill = 3.0f}).drops, {0, 0, 0, 0});
}

TEST_CASE("an occlusion map does not depend on the batch, and has defaults that fit the picture", "[explain]") {
  Sequential net = models::seed_network(3);
  net.build({32, 40, 1}, 3);
  const Tensor picture = random_picture({32, 40, 1});
  const OcclusionMap map = occlusion_map(net, picture, 2);
  CHECK(map.window == 4);
  CHECK(map.stride == 2);
  CHECK(map.drops.shape() == Shape{15, 19});
  CHECK(map.on_picture.shape() == Shape{32, 40});
  CHECK(occlusion_map(compile(net), picture, 2, {.batch = 7}).drops.to_vector() == map.drops.to_vector());
}

TEST_CASE("what cannot be explained is refused, with the rule and the values", "[explain]") {
  const Sequential net = small_net();
  CHECK_THROWS_WITH(grad_cam(net, small_picture, 2), "[class_gradient] classes are 0 … 1. Got 2.");
  CHECK_THROWS_WITH(grad_cam(net, small_picture, -1), Contains("Got -1."));
  CHECK_THROWS_WITH(grad_cam(net, small_picture, 0, "filter"),
                    Contains("no layer \"filter\"") && Contains("\"filters\""));
  CHECK_THROWS_WITH(grad_cam(net, small_picture, 0, "logits"), Contains("(height, width, channels)"));
  CHECK_THROWS_WITH(feature_maps(net, small_picture, {"flaten"}), Contains("The nearest name is \"flatten\""));
  const Tensor other = Tensor::zeros({2, 3, 1});
  CHECK_THROWS_WITH(feature_maps(net, other), Contains("(2,2,1)") && Contains("(2,3,1)"));
  CHECK_THROWS_WITH(grad_cam(net, other, 0), Contains("(2,3,1)"));
  CHECK_THROWS_WITH(occlusion_map(net, other, 0), Contains("(2,3,1)"));
  CHECK_THROWS_WITH(occlusion_map(net, small_picture, 5), Contains("classes are 0 … 1. Got 5."));
  CHECK_THROWS_WITH(occlusion_map(net, small_picture, 0, {.window = 3}), Contains("1 to 2") && Contains("Got 3."));
  CHECK_THROWS_WITH(occlusion_map(net, small_picture, 0, {.window = 1, .stride = 2}), Contains("Got 2."));

  const Sequential flat = linear_net(2, {1, 1, 1, 1});
  CHECK_THROWS_WITH(grad_cam(flat, small_picture, 0), Contains("no convolution"));
  CHECK_THROWS_WITH(feature_maps(flat, small_picture), Contains("no convolution"));
  CHECK_THROWS_WITH(first_layer_filters(flat), Contains("no convolution"));
  const Symbol picture = Input({2, 2, 1});
  CHECK_THROWS_WITH(grad_cam(Model(picture, Conv2D(2, 1)(picture)), small_picture, 0), Contains("no weights"));
  Model maps(picture, Conv2D(2, 1)(picture));
  maps.initialize(1);
  CHECK_THROWS_WITH(grad_cam(maps, small_picture, 0), Contains("one output, a row of logits"));
}
