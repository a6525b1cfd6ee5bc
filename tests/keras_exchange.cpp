// The library's side of scripts/check_keras_files.sh: writes networks for Keras and ONNX Runtime, reads what Keras
// wrote.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "mien/core/random.h"
#include "mien/io/keras_file.h"
#include "mien/io/onnx.h"
#include "mien/kernels/error.h"
#include "mien/models/imagenet.h"
#include "mien/models/seed.h"
#include "mien/models/small_face.h"
#include "mien/train/weights.h"

using namespace mien;
namespace fs = std::filesystem;

namespace {

constexpr const char* usage = R"(usage: keras_exchange list
       keras_exchange write NAME FOLDER     FOLDER/NAME.keras, .weights.h5, .onnx, .safetensors; NAME.io.safetensors: x, y
       keras_exchange read FILE IO          the whole model in FILE predicts IO's x; prints how far it is from IO's y
       keras_exchange read NAME FILE IO     the same with the weights in FILE, in the network NAME
)";

/// Every layer that there is, once at least.
Model every_layer() {
  const Symbol picture = Input({12, 10, 3}, "picture"), factor = Input({4}, "factor");
  Symbol x = ReverseChannels("flip")(picture);
  x = Normalization({.mean = {0.1f, 0.2f, 0.3f}, .variance = {0.5f, 0.25f, 2}, .name = "constants"})(x);
  x = Rescaling(1.5f, -0.25f, "rescaling")(x);
  x = Standardize(1e-5f, "standardize")(x);
  x = ZeroPadding2D({1, 0, 2, 1}, "zeros")(x);
  x = Conv2D(4, {3, 2}, {.stride = {2, 1}, .padding = Padding::same, .activation = leaky_relu(0.1f)})(x);
  x = Conv2D(4, 3, {.padding = Padding::same, .dilation = {1, 2}, .groups = 2, .use_bias = false})(x);
  x = BatchNormalization({.epsilon = 1e-4f, .center = false})(x);
  x = ActivationLayer(hyperbolic_tangent)(x);
  Symbol y = DepthwiseConv2D(3, {.padding = Padding::same, .activation = sigmoid}, 2)(x);
  y = Conv2D(4, 1, {.activation = relu6})(y);
  y = ReLU({.max_value = 6})(y);
  const Symbol z = LeakyReLU(0.2f)(SeparableConv2D(4, 3, {.padding = Padding::same})(x));
  x = Add()({x, y, z});
  x = Subtract()({x, Multiply()({y, z})});
  x = Concatenate()({x, MaxPool2D(3, {.stride = 1, .padding = Padding::same})(x)});
  x = Concatenate(0)({x, y = Conv2D(8, 1)(z)});
  x = AveragePool2D({3, 2}, {.padding = Padding::same})(x);
  x = UpSampling2D({2, 1})(x);
  x = UpSampling2D({1, 2}, Resampling::bilinear)(x);
  x = Cropping2D({1, 0, 0, 1})(x);
  x = Dense(4, {.activation = softmax})(x);  // of each cell by itself
  const Symbol mean = GlobalAveragePool2D()(x), kept = GlobalMaxPool2D(true)(x);
  x = Multiply()({x, kept});
  x = Dropout(0.5f)(Flatten()(x));
  x = Dense(12, {.activation = relu})(x);
  x = Reshape({3, 4})(x);
  x = Softmax()(x);
  x = Concatenate()({Flatten("last")(x), Multiply("scaled")({mean, factor})});
  return Model({picture, factor}, {Dense(5, {.use_bias = false})(x)}, "every_layer");
}

Model tiny_sequential() {
  Sequential net{Conv2D(4, 3, {.padding = Padding::same, .activation = relu}),
                 BatchNormalization(),
                 SeparableConv2D(6, 3, {.activation = relu}),
                 MaxPool2D(2),
                 Flatten(),
                 Dense(5, {.activation = softmax})};
  net.build({9, 8, 3}, 1);
  return net;
}

Model tiny_functional() {
  const Symbol image = Input({9, 8, 3}, "image");
  const Layer shared = Conv2D(3, 3, {.padding = Padding::same, .name = "shared"});
  const Symbol once = shared(image), twice = shared(once);
  return Model(image, Dense(5)(GlobalAveragePool2D()(Concatenate()({Add()({once, twice}), twice}))), "tiny_functional");
}

std::vector<std::string> names() {
  std::vector<std::string> all{"tiny_sequential", "tiny_functional", "every_layer", "seed", "small_face"};
  for (const models::ImageNetFacts& facts : models::imagenet_networks()) all.push_back(facts.name);
  return all;
}

Model network(const std::string& name) {
  if (name == "every_layer") return every_layer();
  if (name == "tiny_sequential") return tiny_sequential();
  if (name == "tiny_functional") return tiny_functional();
  if (name == "seed" || name == "small_face") {
    const Shape input{96, 96, 1};
    Sequential net = name == "seed" ? models::seed_network() : models::small_face_network(input);
    net.build(input, 1);
    return net;
  }
  const std::int64_t side = models::imagenet_facts(name).smallest_side;
  return models::imagenet_network(
      name, {.input = {side, side, 3}, .include_top = true, .classes = 10, .classifier_activation = linear});
}

Tensor random_values(const Shape& shape, std::uint64_t which, float least, float most) {
  Random random(17, Purpose::test, which);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (float& value : values) value = random.uniform(least, most);
  return Tensor::from(values, shape);
}

/// Weights that keep what tells two pictures apart alive through many layers (he_uniform, each channel of a depthwise
/// kernel by itself), and scales, offsets and statistics that a fresh network does not have.
void settle(Model& net) {
  net.initialize(11);
  std::uint64_t which = 100;
  for (const auto& parameter : net.parameters()) {
    const Shape& shape = parameter->value.shape();
    const bool positive = parameter->name == "gamma" || parameter->name == "moving_variance";
    const bool depthwise = shape.rank() == 4 && parameter->full_name.find("depthwise") != std::string::npos;
    float least = positive ? 0.5f : -0.2f, most = positive ? 1.5f : 0.2f;
    if (shape.rank() > 1) {
      const std::int64_t inputs = depthwise ? shape[0] * shape[1] : shape.size() / shape[-1];
      most = std::sqrt(6.0f / static_cast<float>(inputs)), least = -most;
    }
    parameter->value.copy_from(random_values(shape, which++, least, most));
  }
}

void write(const std::string& name, const fs::path& folder) {
  Model net = network(name);
  settle(net);
  save_keras_model(net, folder / (name + ".keras"));
  save_weights(net, folder / (name + ".weights.h5"));
  export_onnx(net, folder / (name + ".onnx"));
  save(net, folder / (name + ".safetensors"));
  WeightsFile io;
  std::vector<Tensor> inputs;
  for (const Shape& shape : net.input_shapes()) {
    inputs.push_back(random_values(shape.with_batch(2), inputs.size(), -1, 1));
    io.tensors.push_back({"x" + std::to_string(inputs.size() - 1), inputs.back()});
  }
  const NoGrad no_grad;
  io.tensors.push_back({"y", net.forward(inputs, {}).at(0)});
  write_safetensors(folder / (name + ".io.safetensors"), io);
}

/// Prints the largest difference from y, and how far y's values for its two pictures lie apart.
void compare(const Model& net, const fs::path& io_path) {
  const WeightsFile io = read_safetensors(io_path);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < net.input_shapes().size(); ++i)
    inputs.push_back(find(io.tensors, "x" + std::to_string(i)));
  const NoGrad no_grad;
  const std::vector<float> got = net.forward(inputs, {}).at(0).to_vector(), wanted = find(io.tensors, "y").to_vector();
  check(got.size() == wanted.size(), "read", got.size(), " values came, ", wanted.size(), " were expected.");
  double difference = 0, spread = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference = std::max(difference, std::abs(double{got[i]} - wanted[i]));
    spread = std::max(spread, std::abs(double{wanted[i]} - wanted[(i + wanted.size() / 2) % wanted.size()]));
  }
  check(std::isfinite(difference), "read", "a value is not finite.");
  std::printf("%.3e %.3e\n", difference, spread);
}

int run(const std::vector<std::string>& arguments) {
  const std::string command = arguments.empty() ? "" : arguments[0];
  if (command == "list" && arguments.size() == 1) {
    for (const std::string& name : names()) std::cout << name << '\n';
  } else if (command == "write" && arguments.size() == 3) {
    write(arguments[1], arguments[2]);
  } else if (command == "read" && arguments.size() == 3) {
    compare(load_keras_model(arguments[1]), arguments[2]);
  } else if (command == "read" && arguments.size() == 4) {
    Model net = network(arguments[1]);
    load(net, arguments[2]);
    compare(net, arguments[3]);
  } else {
    std::cerr << usage;
    return 2;
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
