// Layers, graphs, plans: names, shapes, counts, fusion, folding.
#include <catch2/catch.hpp>
#include <map>

#include "mien/core/ops/binary.h"
#include "mien/core/ops/reduce.h"
#include "mien/core/random.h"
#include "mien/kernels/error.h"
#include "mien/layers/layers.h"
#include "mien/models/seed.h"
#include "tested_devices.h"

using namespace mien;

namespace {

Tensor random_images(const Shape& shape, std::uint64_t seed = 1) {
  Random random(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (float& value : values) value = random.uniform(-1, 1);
  return Tensor::from(values, shape);
}

/// Moving statistics and offsets that a fresh network does not have.
void unsettle(const Model& net) {
  std::uint64_t which = 100;
  for (const auto& parameter : net.parameters()) {
    if (parameter->value.shape().rank() != 1) continue;
    Random random(3, Purpose::test, which++);
    std::vector<float> values(static_cast<std::size_t>(parameter->value.size()));
    for (float& value : values) value = random.uniform(0.5f, 1.5f);
    parameter->value.copy_from(Tensor::from(values, parameter->value.shape()));
  }
}

}  // namespace

TEST_CASE("the seed's network has the report's rows, shapes and 2,196,933 parameters", "[layers]") {
  Sequential net = models::seed_network();
  net.build({256, 256, 1}, 1);
  const Summary summary = summarize(net);
  std::vector<std::string> rows;
  for (const SummaryRow& row : summary.rows)
    rows.push_back(row.name + " " + keras_shape(row.shape) + " " + std::to_string(row.parameters));
  CHECK(rows == std::vector<std::string>{"conv2d (None, 256, 256, 8) 80", "max_pooling2d (None, 128, 128, 8) 0",
                                         "conv2d_1 (None, 128, 128, 16) 1168", "max_pooling2d_1 (None, 64, 64, 16) 0",
                                         "conv2d_2 (None, 64, 64, 32) 4640", "max_pooling2d_2 (None, 32, 32, 32) 0",
                                         "conv2d_3 (None, 32, 32, 64) 18496", "max_pooling2d_3 (None, 16, 16, 64) 0",
                                         "conv2d_4 (None, 16, 16, 128) 73856", "max_pooling2d_4 (None, 8, 8, 128) 0",
                                         "flatten (None, 8192) 0", "dense (None, 256) 2097408",
                                         "dense_1 (None, 5) 1285"});
  CHECK(summary.parameters == 2196933);
  CHECK(summary.trainable == 2196933);
  CHECK(summary.rows[0].multiply_adds == 256 * 256 * 9 * 8);
  CHECK(summary.rows[0].activation_bytes == 128 * 128 * 8 * 5);  // float32 and the argmax byte
  CHECK(summary.rows[0].note == "direct, gradients sparse; fused with max_pooling2d");
  CHECK(summary.rows[2].note == "winograd, gradients sparse; fused with max_pooling2d_1");
  CHECK(summary.rows[1].note == "in conv2d");
  const std::string text = to_text(summary);
  CHECK(text.find("2,097,408") != std::string::npos);
  CHECK(text.find("(None, 8192)") != std::string::npos);
}

TEST_CASE("layer names follow Keras, and given names are kept and unique", "[layers]") {
  CHECK(default_name("Conv2D") == "conv2d");
  CHECK(default_name("MaxPooling2D") == "max_pooling2d");
  CHECK(default_name("GlobalAveragePooling2D") == "global_average_pooling2d");
  CHECK(default_name("ReLU") == "re_lu");
  CHECK(default_name("LeakyReLU") == "leaky_re_lu");
  CHECK(default_name("DepthwiseConv2D") == "depthwise_conv2d");
  CHECK(default_name("BatchNormalization") == "batch_normalization");
  Sequential net{Dense(3, {.name = "dense"}), Dense(2), Dense(1, {.name = "head"})};
  net.build({4}, 1);
  std::vector<std::string> names;
  for (const auto& parameter : net.parameters()) names.push_back(parameter->full_name);
  CHECK(names == std::vector<std::string>{"dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "head/kernel",
                                          "head/bias"});
  CHECK_THROWS_WITH(net.layer("haed"), Catch::Contains("nearest name is \"head\""));
  Sequential twins{Dense(3, {.name = "same"}), Dense(2, {.name = "same"})};
  CHECK_THROWS_WITH(twins.build({4}, 1), Catch::Contains("two layers are called \"same\""));
}

TEST_CASE("the same seed draws the same weights, within the limits of their initialiser", "[layers]") {
  const auto weights = [](std::uint64_t seed) {
    Sequential net{Conv2D(16, 3), Flatten(), Dense(4, {.kernel_initializer = he_normal})};
    net.build({8, 8, 3}, seed);
    return net.parameters()[0]->value.to_vector();
  };
  CHECK(weights(1) == weights(1));
  CHECK(weights(1) != weights(2));
  const double limit = std::sqrt(6.0 / (9 * 3 + 9 * 16));
  double largest = 0;
  for (float value : weights(1)) largest = std::max(largest, std::abs(static_cast<double>(value)));
  CHECK(largest <= limit);
  CHECK(largest > 0.95 * limit);
}

TEST_CASE("initialisers have the variance that they promise", "[layers]") {
  const Shape shape{3, 3, 16, 64};
  const std::vector<std::pair<Initializer, double>> promised{
      {glorot_uniform, 2.0 / (9 * 80)}, {glorot_normal, 2.0 / (9 * 80)}, {he_uniform, 2.0 / (9 * 16)},
      {he_normal, 2.0 / (9 * 16)},      {lecun_uniform, 1.0 / (9 * 16)}, {lecun_normal, 1.0 / (9 * 16)}};
  for (const auto& [initializer, variance] : promised) {
    double squares = 0;
    for (float value : draw(initializer, shape, 1, 0).to_vector()) squares += static_cast<double>(value) * value;
    CHECK(squares / static_cast<double>(shape.size()) == Approx(variance).epsilon(0.05));
  }
  CHECK(draw(constant(0.25f), {2}, 1, 0).to_vector() == std::vector<float>{0.25f, 0.25f});
}

TEST_CASE("fused and unfused give the same bits under the direct algorithm, forward and backward", "[layers]") {
  for (const Activation activation :
       {Activation(relu), Activation(relu6), Activation(leaky_relu(0.3f)), Activation(sigmoid)}) {
    Sequential net{
        Conv2D(5, 3, {.padding = Padding::same, .activation = activation, .algorithm = Conv2dAlgorithm::direct}),
        MaxPool2D(2), Conv2D(4, 3, {.algorithm = Conv2dAlgorithm::direct}), ActivationLayer(activation), MaxPool2D(2)};
    net.build({13, 12, 2}, 1);
    REQUIRE(net.plan().steps.size() == 2);
    REQUIRE(net.unfused_plan().steps.size() == 5);
    const Tensor x = random_images({3, 13, 12, 2});
    std::vector<std::vector<float>> results[2];
    for (const bool fusion : {true, false}) {
      net.set_fusion(fusion);
      const Tensor y = net.forward(x, {.training = true});
      backward(sum(multiply(y, y)));
      results[fusion].push_back(y.to_vector());
      for (const auto& parameter : net.parameters()) {
        results[fusion].push_back(parameter->value.grad().to_vector());
        parameter->value.clear_grad();
      }
    }
    CHECK(results[0] == results[1]);
  }
}

TEST_CASE("what stands in the way of a fusion is said", "[layers]") {
  Sequential net{Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                 BatchNormalization(),
                 MaxPool2D(2),
                 Conv2D(4, 3, {.padding = Padding::same, .activation = relu, .activity_regularizer = l2(0.1f)}),
                 MaxPool2D(2),
                 Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                 MaxPool2D(3)};
  net.build({24, 24, 1}, 1);
  const Summary summary = summarize(net);
  CHECK(summary.rows[0].note.find("not fused: batch_normalization stands between it and the pool") !=
        std::string::npos);
  CHECK(summary.rows[3].note.find("not fused: its activity regulariser") != std::string::npos);
  CHECK(summary.rows[5].note.find("not a 2x2 pool") != std::string::npos);
  CHECK(net.plan().steps.size() == 7);
}

TEST_CASE("a graph with branches runs, differentiates and shares a layer that is called twice", "[layers]") {
  const Symbol image = Input({6, 6, 2});
  const Conv2D shared(3, 3, {.padding = Padding::same});
  const Symbol left = shared(image);
  const Symbol right = shared(ReLU()(image));
  const Symbol joined = Concatenate()({Add()({left, right}), image});
  Model net(image, Dense(2)(GlobalAveragePool2D()(joined)));
  net.initialize(1);
  CHECK(net.parameters().size() == 4);
  CHECK(net.output_shapes()[0] == Shape{2});
  const Tensor y = net.forward(random_images({2, 6, 6, 2}), {.training = true});
  CHECK(y.shape() == Shape{2, 2});
  backward(sum(y));
  for (const auto& parameter : net.parameters()) CHECK(parameter->value.grad().defined());
}

TEST_CASE("up-sampling brings a small map back to the size that a branch is joined at", "[layers]") {
  const Symbol x = Input({4, 6, 2});
  Model net(x, Concatenate()({x, UpSampling2D({2, 3})(MaxPool2D({2, 3})(x))}));
  net.initialize(1);
  CHECK(net.output_shapes() == std::vector<Shape>{{4, 6, 4}});
  CHECK(net.layer("up_sampling2d")->kind() == "UpSampling2D");
  const std::vector<float> y = net(random_images({1, 4, 6, 2})).to_vector();
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 6; ++column)
      for (int channel = 2; channel < 4; ++channel) {
        const auto at = [&](int i, int j) { return y[static_cast<std::size_t>((i * 6 + j) * 4 + channel)]; };
        CHECK(at(row, column) == at(row / 2 * 2, column / 3 * 3));
        CHECK(at(row, column) >= y[static_cast<std::size_t>((row * 6 + column) * 4 + channel - 2)]);
      }
}

TEST_CASE("a compiled network folds batch normalisation, agrees with the original and keeps its weights", "[layers]") {
  Sequential net{Conv2D(6, 3, {.padding = Padding::same, .use_bias = false}),
                 BatchNormalization(),
                 ReLU(),
                 MaxPool2D(2),
                 DepthwiseConv2D(3),
                 BatchNormalization({.scale = false}),
                 Flatten(),
                 Dropout(0.5f),
                 Dense(3)};
  net.build({10, 10, 2}, 1);
  unsettle(net);
  const Predictor predictor = compile(net);
  CHECK(predictor.plan().steps.size() == 5);
  const Tensor x = random_images({4, 10, 10, 2});
  const std::vector<float> plain = net(x).to_vector(), compiled = predictor(x).to_vector();
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(compiled[i] == Approx(plain[i]).margin(1e-5));
  net.initialize(2);
  CHECK(predictor(x).to_vector() == compiled);
}

TEST_CASE("in a compiled network, convolutions add branches and pad their input themselves", "[layers]") {
  const Symbol input = Input({13, 11, 4});
  Symbol x = Conv2D(8, 3, {.stride = 2})(ZeroPadding2D(Border{0, 1, 1, 2})(input));
  // Both branches end in a convolution; the sum is read by an activation that two layers read.
  Symbol sum = Add()({Conv2D(8, 1)(x), BatchNormalization()(Conv2D(8, 3, {.padding = Padding::same})(x))});
  sum = ReLU()(sum);
  // Not joined: a sum with itself, of three, of another shape, of a convolution that is read twice or has an
  // activation.
  const Symbol twice = Conv2D(8, 1)(sum), active = Conv2D(8, 1, {.activation = relu})(sum);
  Symbol y = Add()({Add()({twice, sum}), Add()({active, sum})});
  y = Add()({Add()({y, y}), twice, GlobalAveragePool2D(true)(sum)});
  // Joined, before a softmax that stays a step of its own.
  y = Softmax()(Add()({y, Conv2D(8, 1)(y)}));
  Model net(input, y);
  net.initialize(3);
  unsettle(net);
  std::vector<std::string> kinds;
  const Predictor predictor = compile(net);
  for (const Step& step : predictor.plan().steps)
    kinds.push_back(step.layer->kind() + (step.epilogue.residual ? "+" : ""));
  CHECK(std::count(kinds.begin(), kinds.end(), "Conv2D+") == 2);
  CHECK(std::count(kinds.begin(), kinds.end(), "Add") == 5);
  CHECK(std::count(kinds.begin(), kinds.end(), "ZeroPadding2D") == 0);
  CHECK(std::count(kinds.begin(), kinds.end(), "BatchNormalization") == 0);
  const Tensor images = random_images({3, 13, 11, 4});
  const std::vector<float> plain = net(images).to_vector();
  for (const Device device : testing::tested_devices()) {
    INFO(device);
    net.to(device);
    const std::vector<float> compiled = compile(net)(images.to(device)).to_vector();
    for (std::size_t i = 0; i < plain.size(); ++i) CHECK(compiled[i] == Approx(plain[i]).margin(1e-5));
  }
}

TEST_CASE("a compiled network gives a picture the same bits alone and in a batch", "[layers]") {
  const Symbol input = Input({32, 32, 1});
  Symbol x = Conv2D(8, 3, {.padding = Padding::same, .activation = relu})(input);
  x = MaxPool2D(2)(x);
  x = Add()({x, Conv2D(8, 3, {.padding = Padding::same})(x)});
  x = Conv2D(4, 3, {.stride = 2})(x);
  Model net({input}, {Dense(3)(GlobalAveragePool2D()(x))});
  net.initialize(1);
  const Predictor predictor = compile(net);
  const Tensor images = random_images({90, 32, 32, 1});
  const std::vector<float> all = predictor(images).to_vector();
  for (const std::int64_t i : {0, 29, 30, 31, 89}) {
    const std::vector<float> alone = predictor(images.slice(i, i + 1)).to_vector();
    CHECK(std::vector<float>(all.begin() + 3 * i, all.begin() + 3 * i + 3) == alone);
  }
  const std::vector<float> plain = net.forward(images, {}).to_vector();
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(all[i] == Approx(plain[i]).margin(1e-5));
  // Pictures pass on several threads: an error there reaches the caller.
  CHECK_THROWS_AS(predictor(random_images({90, 30, 32, 1})), Error);
}

TEST_CASE("frozen layers keep weights out of the optimizer's hands and statistics as they are", "[layers]") {
  Sequential net{Conv2D(3, 3), BatchNormalization(), Flatten(), Dense(2)};
  net.build({5, 5, 1}, 1);
  net.layer("conv2d")->set_trainable(false);
  net.layer("batch_normalization")->set_trainable(false);
  std::vector<std::string> names;
  for (const auto& parameter : net.trainable_parameters()) names.push_back(parameter->full_name);
  CHECK(names == std::vector<std::string>{"dense/kernel", "dense/bias"});
  net.forward(random_images({4, 5, 5, 1}), {.training = true});
  CHECK(net.layer("batch_normalization")->parameters()[2]->value.to_vector() == std::vector<float>(3, 0.0f));
  CHECK(summarize(net).trainable == 27 * 2 + 2);
}

TEST_CASE("regularisers add their part of the loss", "[layers]") {
  Sequential net{Dense(2, {.use_bias = false,
                           .kernel_initializer = constant(0.5f),
                           .kernel_regularizer = l2(0.1f),
                           .activity_regularizer = l1(1)})};
  net.build({3}, 1);
  std::vector<Tensor> activity;
  Call call;
  call.penalties = &activity;
  net.forward(Tensor::ones({4, 3}), call);
  // l2: 0.1 * 6 * 0.25; activity: 4 rows of two times 1.5, over a batch of 4
  CHECK(net.penalty(activity).item() == Approx(0.15 + 3.0));
}

TEST_CASE("a network that is used wrongly says what is wrong", "[layers]") {
  Sequential net{Conv2D(3, 3), Flatten(), Dense(2)};
  CHECK_THROWS_WITH(net(Tensor::zeros({1, 5, 5, 1})), Catch::Contains("no shapes yet"));
  net.build({5, 5, 1}, 1);
  CHECK_THROWS_WITH(net(Tensor::zeros({1, 5, 5, 2})), Catch::Contains("(5,5,1)") && Catch::Contains("(1,5,5,2)"));
  CHECK_THROWS_WITH(net.build({6, 6, 1}, 1), Catch::Contains("(5,5,1)"));
  Sequential tall{Conv2D(3, 7)};
  CHECK_THROWS_AS(tall.build({5, 5, 1}, 1), Error);
  CHECK_THROWS_WITH(Add()({Input({2, 3}), Input({4, 5})}), Catch::Contains("(1,2,3)"));
}
