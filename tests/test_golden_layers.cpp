// Keras's own layers, activations and losses: outputs and gradients, through the ops. The cases come from
// layers.json and layers.safetensors (golden.h says from where); one whose layer or setting has no op here is counted
// as awaiting, by layer.
#include <catch2/catch.hpp>
#include <iostream>
#include <map>
#include <optional>

#include "mien/io/safetensors.h"
#include "mien/mien.h"
#include "mien/tests/golden.h"
#include "mien/tests/kernel_testing.h"
#include "mien/tests/tested_devices.h"

using namespace mien;
using namespace mien::testing;
using nlohmann::json;

namespace {

/// Thrown where a case needs what is not there yet.
struct Awaits {
  std::string what;
};

using TensorMap = std::map<std::string, Tensor>;

/// The settings of a case. A setting that nobody has read in the end is one that we do not have.
class Config {
 public:
  explicit Config(const json& values) : values_(values) {}

  const json& operator[](const char* key) {
    static const json absent;
    read_.insert({key, true});
    return values_.contains(key) ? values_.at(key) : absent;
  }
  template <class T>
  T value(const char* key, T otherwise) {
    const json& found = (*this)[key];
    return found.is_null() ? otherwise : found.get<T>();
  }
  Extent2d extent(const char* key, Extent2d otherwise) {
    const json& found = (*this)[key];
    if (found.is_null()) return otherwise;
    return found.is_array() ? Extent2d(found.at(0), found.at(1)) : Extent2d(found.get<int>());
  }
  Padding padding() {
    const auto text = value<std::string>("padding", "valid");
    if (text != "valid" && text != "same") throw Awaits{"padding " + text};
    return text == "same" ? Padding::same : Padding::valid;
  }
  Activation activation() {
    const auto text = value<std::string>("activation", "linear");
    try {
      return parse_activation(text);
    } catch (const Error&) {
      throw Awaits{text};
    }
  }
  void check_all_read() const {
    for (const auto& [key, unused] : values_.items())
      if (!read_.contains(key)) throw Awaits{"setting " + key};
  }

 private:
  const json& values_;
  std::map<std::string, bool> read_;
};

/// What a layer is given besides its input.
struct LayerCall {
  Config config;
  TensorMap weights;
  bool training = false, frozen = false;

  Tensor weight(const std::string& name) const { return weights.contains(name) ? weights.at(name) : Tensor(); }
};

/// With the direct algorithm, whose sums are Keras's own but for their order: Winograd has a bound of its own.
Conv2dOptions convolution_options(Config& config) {
  config["kernel_size"], config["filters"], config["use_bias"];  // the weights say them
  return {.stride = config.extent("strides", 1),
          .padding = config.padding(),
          .dilation = config.extent("dilation_rate", 1),
          .groups = config.value("groups", 1),
          .activation = config.activation(),
          .algorithm = Conv2dAlgorithm::direct};
}

/// Keras's (kh, kw, in, multiplier) as weights of a grouped convolution: the same numbers in the same order.
Tensor depthwise_weights(const Tensor& kernel) {
  const Shape& shape = kernel.shape();
  return reshape(kernel, Shape{shape[0], shape[1], 1, shape[2] * shape[3]});
}

Tensor convolution(const Tensor& x, LayerCall& call) {
  return conv2d(x, call.weight("kernel"), call.weight("bias"), convolution_options(call.config));
}

Tensor depthwise_convolution(const Tensor& x, LayerCall& call) {
  call.config["depth_multiplier"];
  Conv2dOptions options = convolution_options(call.config);
  options.groups = static_cast<int>(x.shape()[3]);
  return conv2d(x, depthwise_weights(call.weight("kernel")), call.weight("bias"), options);
}

Tensor separable_convolution(const Tensor& x, LayerCall& call) {
  call.config["depth_multiplier"];
  Conv2dOptions options = convolution_options(call.config);
  const Activation activation = std::exchange(options.activation, linear);
  options.groups = static_cast<int>(x.shape()[3]);
  const Tensor between = conv2d(x, depthwise_weights(call.weight("depthwise_kernel")), Tensor(), options);
  return conv2d(between, call.weight("pointwise_kernel"), call.weight("bias"), {.activation = activation});
}

Pool2dOptions pool_options(Config& config) {
  return {.size = config.extent("pool_size", 2), .stride = config.extent("strides", 0), .padding = config.padding()};
}

Tensor global_max_pool(const Tensor& x, LayerCall& call) {
  const Shape& shape = x.shape();
  const Tensor y = max_pool2d(x, {.size = {static_cast<int>(shape[1]), static_cast<int>(shape[2])}});
  return call.config.value("keepdims", false) ? y : flatten(y);
}

Tensor zero_padding(const Tensor& x, LayerCall& call) {
  const json& padding = call.config["padding"];
  if (!padding.is_array()) {
    const int all = padding.is_null() ? 1 : padding.get<int>();
    return zero_pad2d(x, {all, all, all, all});
  }
  const auto side = [](const json& axis, int which) { return axis.is_array() ? axis.at(which) : axis; };
  return zero_pad2d(x,
                    {side(padding.at(0), 0), side(padding.at(0), 1), side(padding.at(1), 0), side(padding.at(1), 1)});
}

Tensor cropping(const Tensor& x, LayerCall& call) {
  const json& border = call.config["cropping"];
  const auto side = [&](int axis, int which) { return border.at(axis).at(which).get<int>(); };
  return crop2d(x, {side(0, 0), side(0, 1), side(1, 0), side(1, 1)});
}

Tensor up_sampling(const Tensor& x, LayerCall& call) {
  const auto interpolation = call.config.value<std::string>("interpolation", "nearest");
  const Extent2d size = call.config.extent("size", 2);
  if (interpolation == "nearest") return up_sampling2d(x, size);
  if (interpolation != "bilinear") throw Awaits{interpolation};
  return resize2d(x, {static_cast<int>(x.shape()[1]) * size.height, static_cast<int>(x.shape()[2]) * size.width});
}

Tensor batch_normalization(const Tensor& x, LayerCall& call) {
  if (call.config.value("axis", -1) != -1) throw Awaits{"another axis than the last"};
  call.config["scale"], call.config["center"];  // the weights say them
  const BatchNormOptions options{.epsilon = call.config.value("epsilon", 1e-3f),
                                 .momentum = call.config.value("momentum", 0.99f),
                                 .mode = call.frozen     ? BatchNormMode::frozen
                                         : call.training ? BatchNormMode::training
                                                         : BatchNormMode::inference};
  return batch_norm(x, call.weight("gamma"), call.weight("beta"), call.weight("moving_mean"),
                    call.weight("moving_variance"), options);
}

/// GroupNormalization of one group is standardize, then gamma and beta.
Tensor group_normalization(const Tensor& x, LayerCall& call) {
  if (call.config.value("groups", 32) != 1) throw Awaits{"several groups"};
  const Tensor y = standardize(x, call.config.value("epsilon", 1e-3f));
  return add(multiply(y, call.weight("gamma")), call.weight("beta"));
}

/// Keras's relu with its three settings, as far as there are activations for it.
Tensor rectifier(const Tensor& x, LayerCall& call) {
  const auto slope = call.config.value("negative_slope", 0.0f), threshold = call.config.value("threshold", 0.0f);
  const auto largest = call.config.value("max_value", infinity);
  if (threshold != 0 || (largest != infinity && (largest != 6 || slope != 0)))
    throw Awaits{"threshold or another max_value"};
  if (slope != 0) return leaky_relu(slope)(x);
  return largest == 6 ? relu6(x) : relu(x);
}

using LayerFunction = std::function<Tensor(const Tensor&, LayerCall&)>;

LayerFunction activation_of(Activation activation) {
  return [=](const Tensor& x, LayerCall&) { return activate(x, activation); };
}

/// Layers by Keras's class name, activations by that of the function.
const std::map<std::string, LayerFunction>& layers() {
  static const std::map<std::string, LayerFunction> table{
      {"Conv2D", convolution},
      {"DepthwiseConv2D", depthwise_convolution},
      {"SeparableConv2D", separable_convolution},
      {"Dense",
       [](const Tensor& x, LayerCall& call) {
         call.config["units"], call.config["use_bias"];
         return dense(x, call.weight("kernel"), call.weight("bias"), call.config.activation());
       }},
      {"MaxPooling2D", [](const Tensor& x, LayerCall& call) { return max_pool2d(x, pool_options(call.config)); }},
      {"AveragePooling2D",
       [](const Tensor& x, LayerCall& call) { return average_pool2d(x, pool_options(call.config)); }},
      {"GlobalAveragePooling2D",
       [](const Tensor& x, LayerCall& call) { return global_average_pool2d(x, call.config.value("keepdims", false)); }},
      {"GlobalMaxPooling2D", global_max_pool},
      {"ZeroPadding2D", zero_padding},
      {"Cropping2D", cropping},
      {"GroupNormalization", group_normalization},
      {"UpSampling2D", up_sampling},
      {"BatchNormalization", batch_normalization},
      {"Flatten", [](const Tensor& x, LayerCall&) { return flatten(x); }},
      {"Activation", [](const Tensor& x, LayerCall& call) { return activate(x, call.config.activation()); }},
      {"ReLU", rectifier},
      {"LeakyReLU",
       [](const Tensor& x, LayerCall& call) { return leaky_relu(call.config.value("negative_slope", 0.3f))(x); }},
      {"Softmax", [](const Tensor& x, LayerCall&) { return softmax(x); }},
      {"linear", activation_of(linear)},
      {"relu", rectifier},
      {"relu6", activation_of(relu6)},
      {"leaky_relu",
       [](const Tensor& x, LayerCall& call) { return leaky_relu(call.config.value("negative_slope", 0.2f))(x); }},
      {"sigmoid", activation_of(sigmoid)},
      {"tanh", activation_of(hyperbolic_tangent)},
      {"softmax", activation_of(softmax)},
  };
  return table;
}

void check_same(const std::string& role, const Tensor& actual, const Tensor& expected) {
  INFO(role);
  REQUIRE(actual.defined());
  REQUIRE(actual.shape() == expected.shape());
  check_close(actual.to_vector(), doubled(expected.to_vector()), 1e-5);
}

Tensor as_leaf(const Tensor& values, Device device) {
  Tensor leaf = values.to(device).clone();
  leaf.set_requires_grad(true);
  return leaf;
}

/// One pass through a layer: y, dx and the gradients of the weights, as the roles that end in `batch` say.
void check_pass(const LayerFunction& layer, LayerCall& call, const TensorMap& roles, const std::string& batch,
                Device device) {
  const Tensor x = as_leaf(roles.at("x" + batch), device);
  for (auto& [name, weight] : call.weights) weight.clear_grad();
  const Tensor y = layer(x, call);
  call.config.check_all_read();
  check_same("y" + batch, y, roles.at("y" + batch));
  backward(y, roles.at("g" + batch).to(device));
  check_same("dx" + batch, x.grad(), roles.at("dx" + batch));
  for (const auto& [name, weight] : call.weights) {
    if (roles.contains("d." + name + batch))
      check_same("d." + name + batch, weight.grad(), roles.at("d." + name + batch));
    if (roles.contains(name + batch)) check_same(name + batch, weight, roles.at(name + batch));
  }
}

void check_layer(const std::string& layer, const json& golden, const TensorMap& roles, Device device) {
  const auto found = layers().find(layer);
  if (found == layers().end()) throw Awaits{""};
  LayerCall call{Config(golden.at("config")), {}, golden.value("training", false), golden.value("frozen", false)};
  for (const auto& [role, values] : roles) {
    if (!role.starts_with("w.")) continue;
    const std::string name = role.substr(2);
    const bool moving = name.starts_with("moving_");
    call.weights[name] = moving ? values.to(device).clone() : as_leaf(values, device);
  }
  if (!golden.contains("batches")) return check_pass(found->second, call, roles, "", device);
  for (int batch = 0; batch < golden.at("batches").get<int>(); ++batch)
    check_pass(found->second, call, roles, std::to_string(batch), device);
}

void check_loss(const std::string& loss, const json& golden, const TensorMap& roles, Device device) {
  Config config(golden.at("config"));
  const Tensor x = as_leaf(roles.at("x"), device), target = roles.at("target").to(device);
  Tensor losses;
  if (loss == "mean_squared_error") {
    losses = mean_squared_error(x, target);
  } else if (loss == "categorical_crossentropy" || loss == "sparse_categorical_crossentropy") {
    // Behind a softmax layer Keras takes the logits as well.
    const bool behind_softmax = golden.value("scores", "") == "softmax";
    if (!config.value("from_logits", false) && !behind_softmax) throw Awaits{"from probabilities"};
    CrossEntropyOptions options{.label_smoothing = config.value("label_smoothing", 0.0f)};
    losses = softmax_cross_entropy(x, target, options);
    if (roles.contains("sample_weight")) {  // "loss" is without the weights, dx with them
      check_same("loss", losses, roles.at("loss"));
      options.sample_weights = roles.at("sample_weight").to(device);
      backward(mean(softmax_cross_entropy(x, target, options)));
      return check_same("dx", x.grad(), roles.at("dx"));
    }
  } else {
    throw Awaits{""};
  }
  config.check_all_read();
  check_same("loss", losses, roles.at("loss"));
  backward(mean(losses));
  check_same("dx", x.grad(), roles.at("dx"));
}

}  // namespace

TEST_CASE("golden layers, activations and losses: outputs and gradients as Keras has them", "[golden]") {
  const json index = test::golden_index("layers.json");
  std::map<std::string, TensorMap> cases;
  for (const NamedTensor& tensor : read_safetensors(test::golden_folder() / "layers.safetensors").tensors) {
    const std::size_t slash = tensor.name.rfind('/');
    cases[tensor.name.substr(0, slash)][tensor.name.substr(slash + 1)] = tensor.value;
  }
  int covered = 0, awaiting = 0;
  std::map<std::string, int> awaited;
  for (const json& golden : index.at("cases")) {
    const std::string name = golden.at("name");
    const std::string kind = golden.contains("layer") ? "layer" : golden.contains("activation") ? "activation" : "loss";
    const std::string what = golden.at(kind);
    REQUIRE(cases.contains(name));
    std::optional<Awaits> missing;
    for (const Device device : tested_devices()) {
      INFO(name << " on " << device << ": " << golden.dump());
      try {
        if (kind == "loss")
          check_loss(what, golden, cases.at(name), device);
        else
          check_layer(what, golden, cases.at(name), device);
      } catch (const Awaits& reason) {
        missing = reason;
      }
    }
    if (!missing) {
      ++covered;
      continue;
    }
    ++awaiting;
    ++awaited[what + (missing->what.empty() ? "" : " (" + missing->what + ")")];
  }
  std::cout << "golden layers: " << covered << " cases covered, " << awaiting << " await an op";
  for (const auto& [what, count] : awaited)
    std::cout << (what == awaited.begin()->first ? ": " : ", ") << what << ' ' << count;
  std::cout << "\n";
  CHECK(covered > 0);
}
