// The six networks of models/imagenet.h against Keras's: every layer, and what they compute. The layers come from
// tests/golden/keras_arch_layers.json, the values from architectures.json, whose weights and input are a formula's.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "mien/mien.h"
#include "mien/tests/formula_weights.h"
#include "mien/tests/golden.h"

using namespace mien;
using nlohmann::json;
using test::formula_tensor;
using test::hash_uniform;
using test::set_formula_weights;

namespace {

std::vector<std::int64_t> lengths(const Shape& shape) { return {shape.begin(), shape.end()}; }

const models::ImageNetFacts& facts_of(const std::string& keras_name) {
  for (const models::ImageNetFacts& facts : models::imagenet_networks())
    if (facts.keras_name == keras_name) return facts;
  throw std::runtime_error("no network " + keras_name);
}

/// Whether the values that the golden file picked out, their mean and their deviation are within `allowed`.
void check_values(const Tensor& got, const json& golden, double allowed) {
  REQUIRE(lengths(got.shape()) == golden.at("shape"));
  const std::vector<float> values = got.to_vector();
  double sum = 0, squares = 0;
  for (const float value : values) sum += value, squares += double{value} * value;
  const double count = static_cast<double>(values.size()), mean = sum / count;
  CHECK(std::abs(mean - golden.at("mean").get<double>()) <= allowed);
  CHECK(std::abs(std::sqrt(squares / count - mean * mean) - golden.at("std").get<double>()) <= allowed);
  for (std::size_t i = 0; i < golden.at("index").size(); ++i) {
    INFO("element " << golden.at("index")[i]);
    CHECK(std::abs(values.at(golden.at("index")[i]) - golden.at("value")[i].get<double>()) <= allowed);
  }
}

/// The values that a plan makes of the layers of these names that it still has.
std::map<std::string, Tensor> taps(const Plan& plan, const std::vector<std::string>& names, const Tensor& input) {
  std::vector<int> values;
  std::vector<std::string> found;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    const std::string& last = step.absorbed.empty() ? step.layer->name() : step.absorbed.back();
    if (std::find(names.begin(), names.end(), last) == names.end()) continue;
    values.push_back(plan.value_of_step(i));
    found.push_back(last);
  }
  const NoGrad no_grad;
  const std::vector<Tensor> outputs = run(part(plan, values), {input}, {});
  std::map<std::string, Tensor> result;
  for (std::size_t i = 0; i < found.size(); ++i) result[found[i]] = outputs[i];
  return result;
}

json to_json(const ConfigValue& value) {
  if (const auto* flag = value.get_if<bool>()) return *flag;
  if (const auto* integer = value.get_if<std::int64_t>()) return *integer;
  if (const auto* number = value.get_if<double>()) return *number;
  if (const auto* text = value.get_if<std::string>()) return *text;
  json list;
  if (const auto* parts = value.get_if<ConfigValue::List>())
    for (const ConfigValue& part : *parts) list.push_back(to_json(part));
  return list;
}

}  // namespace

TEST_CASE("imagenet: every layer is Keras's, by name, kind, settings, shape, inputs and weights, in Keras's order") {
  const json index = test::golden_index("keras_arch_layers.json");
  REQUIRE(index.size() == models::imagenet_networks().size());
  for (const auto& [keras_name, golden] : index.items()) {
    INFO(keras_name);
    const Model net = models::imagenet_network(facts_of(keras_name).name, {.input = {256, 256, 3}});
    CHECK(net.parameter_count() == golden.at("total_params"));
    CHECK(net.parameters().size() == golden.at("weight_arrays"));
    std::map<std::string, const Step*> steps;
    for (const Step& step : net.unfused_plan().steps) steps[step.layer->name()] = &step;
    REQUIRE(net.layers().size() + 1 == golden.at("layers").size());  // the input is no layer here
    for (std::size_t i = 0; i < net.layers().size(); ++i) {
      const json& wanted = golden.at("layers").at(i + 1);
      INFO(wanted.dump());
      const Layer& layer = net.layers()[i];
      REQUIRE(layer->name() == wanted.at("name"));
      CHECK(layer->kind() == wanted.at("type"));
      const Step& step = *steps.at(layer->name());
      CHECK(lengths(step.shape) == wanted.at("out"));
      std::vector<std::string> inputs;
      for (const int value : step.inputs)
        inputs.push_back(value == 0 ? "input_layer"
                                    : net.unfused_plan().steps[static_cast<std::size_t>(value - 1)].layer->name());
      CHECK(inputs == wanted.at("inputs"));
      json weights = json::array();
      for (const auto& parameter : layer->parameters())
        weights.push_back({parameter->name, lengths(parameter->value.shape())});
      CHECK(weights == wanted.value("weights", json::array()));
      const LayerConfig config = layer->config();
      for (const auto& [setting, value] : wanted.items()) {
        if (setting == "type" || setting == "out" || setting == "inputs" || setting == "weights") continue;
        INFO(setting);
        REQUIRE(config.find(setting) != nullptr);
        CHECK(to_json(*config.find(setting)) == value);
      }
    }
  }
}

TEST_CASE("imagenet: parameters are counted as in Keras, with the top and without") {
  const json index = test::golden_index("architectures.json");
  for (const json& golden : index.at("nets")) {
    INFO(golden.at("net"));
    for (const bool top : {false, true}) {
      const Model net = models::imagenet_network(facts_of(golden.at("net")).name, {.include_top = top});
      std::int64_t trainable = 0;
      for (const auto& parameter : net.trainable_parameters()) trainable += parameter->value.size();
      const json& wanted = golden.at("parameters").at(top ? "top" : "no_top");
      CHECK(trainable == wanted.at("trainable"));
      CHECK(net.parameter_count() - trainable == wanted.at("other"));
      if (top) CHECK(net.output_shapes() == std::vector<Shape>{{1000}});
    }
  }
}

TEST_CASE("imagenet: outputs and inner layers are Keras's, layer by layer and compiled") {
  const json index = test::golden_index("architectures.json");
  const std::uint32_t seed = index.at("hash_seed");
  for (const json& example : index.at("hash_examples"))
    REQUIRE(hash_uniform(example.at("seed"), example.at("k"), example.at("i")) ==
            Approx(example.at("u").get<double>()).margin(1e-9));
  int tapped = 0;
  for (const json& golden : index.at("cases")) {
    const std::string keras_name = golden.at("net");
    const json* about = nullptr;
    for (const json& net : index.at("nets"))
      if (net.at("net") == keras_name) about = &net;
    REQUIRE(about != nullptr);
    const int size = golden.at("size");
    INFO(keras_name << " at " << size);
    Model net = models::imagenet_network(facts_of(keras_name).name, {.input = {size, size, 3}});
    const auto parameters = net.parameters();
    REQUIRE(parameters.size() == about->at("weights").size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const json& wanted = about->at("weights")[i];
      CHECK(parameters[i]->full_name == join(wanted[0].get<std::string>(), "/", wanted[1].get<std::string>()));
      CHECK(lengths(parameters[i]->value.shape()) == wanted[2]);
    }
    set_formula_weights(net, seed, about->at("gain"));
    const Tensor input = formula_tensor({1, size, size, 3}, seed, 1000000, 1, 0);
    const json& error = golden.at("float32_error");
    const double output_error = 10 * error.at("output_max").get<double>();
    const double layer_error = 10 * error.at("any_layer_max_over_std").get<double>();

    std::vector<std::string> names;
    for (const json& layer : golden.at("layers")) names.push_back(layer.at("layer"));
    const Predictor compiled = compile(net);
    for (const bool is_compiled : {false, true}) {
      INFO((is_compiled ? "compiled" : "layer by layer"));
      check_values(is_compiled ? compiled(input) : net(input), golden.at("output"), output_error);
      const auto values = taps(is_compiled ? compiled.plan() : net.unfused_plan(), names, input);
      if (!is_compiled) CHECK(values.size() == names.size());
      for (const json& layer : golden.at("layers")) {
        const auto found = values.find(layer.at("layer"));
        if (found == values.end()) continue;  // in the middle of a fused step
        INFO(found->first);
        check_values(found->second, layer, layer_error * layer.at("std").get<double>());
        ++tapped;
      }
    }
  }
  CHECK(tapped > 0);
}

TEST_CASE("imagenet: in a compiled network, convolutions have taken over all that can be theirs") {
  // What is left: padding before a pool; and the ReLU at the start of eleven blocks of Xception, whose input goes round
  // the block too.
  const std::map<std::string, std::map<std::string, int>> left{{"densenet121", {{"ZeroPadding2D", 1}}},
                                                               {"resnet50", {{"ZeroPadding2D", 1}}},
                                                               {"xception", {{"Activation", 11}}}};
  for (const models::ImageNetFacts& facts : models::imagenet_networks()) {
    INFO(facts.name);
    Model net = models::imagenet_network(facts.name, {.input = {facts.smallest_side, facts.smallest_side, 3}});
    net.initialize(1);
    std::map<std::string, int> kinds;
    const Predictor compiled = compile(net);
    for (const Step& step : compiled.plan().steps) ++kinds[step.layer->kind()];
    const auto of_net = left.find(facts.name);
    for (const char* const kind :
         {"BatchNormalization", "SeparableConv2D", "ReLU", "Activation", "Add", "ZeroPadding2D"}) {
      INFO(kind);
      const int expected = of_net != left.end() && of_net->second.contains(kind) ? of_net->second.at(kind) : 0;
      CHECK(kinds[kind] == expected);
    }
  }
}

TEST_CASE("imagenet: multiply-adds are those of the products") {
  const json index = test::golden_index("keras_arch_layers.json");
  for (const auto& [keras_name, golden] : index.items()) {
    INFO(keras_name);
    std::int64_t products = 0;
    for (const json& layer : golden.at("layers"))
      for (const json& weight : layer.value("weights", json::array()))
        if (const json& shape = weight[1]; shape.size() == 4)  // (kh, kw, in, out): each number once a place
          products += layer.at("out")[0].get<std::int64_t>() * layer.at("out")[1].get<std::int64_t>() *
                      shape[0].get<std::int64_t>() * shape[1].get<std::int64_t>() * shape[2].get<std::int64_t>() *
                      shape[3].get<std::int64_t>();
    const Model net = models::imagenet_network(facts_of(keras_name).name, {.input = {256, 256, 3}});
    CHECK(summarize(net).multiply_adds == products);
  }
}

TEST_CASE("imagenet: a block's end is all that what follows sees, and the blocks cover the network") {
  for (const models::ImageNetFacts& facts : models::imagenet_networks()) {
    INFO(facts.name);
    const Model net = models::imagenet_network(facts.name, {.input = {96, 96, 3}});
    const std::string last = net.layers().back()->name();
    CHECK(facts.blocks.back().last_layer == last);
    std::size_t covered = 0;
    for (const models::ImageNetBlock& block : facts.blocks) {
      INFO(block.name);
      const std::vector<Layer> layers = models::layers_through(net, facts, block.name);
      CHECK(layers.size() > covered);
      covered = layers.size();
      if (block.last_layer == last) continue;
      const Model rest = net.part({last}, {block.last_layer});
      REQUIRE(rest.input_shapes().size() == 1);  // the picture is not needed any more
      CHECK(rest.layers().size() + covered == net.layers().size());
    }
    CHECK(covered == net.layers().size());
  }
}

TEST_CASE("imagenet: two halves of a network compute what the whole does") {
  Model net = models::imagenet_network("mobilenet_v2", {.input = {64, 64, 3}, .alpha = 0.35});
  net.initialize(1);
  const Tensor input = formula_tensor({2, 64, 64, 3}, 1, 1, 1, 0);
  const Model first = net.part({"block_5_add"}), second = net.part({"out_relu"}, {"block_5_add"});
  CHECK(second(first(input)).to_vector() == net(input).to_vector());
  CHECK(first.layer("Conv1").module() == net.layer("Conv1").module());
  CHECK_THROWS_WITH(net.part({"block_5_ad"}), Catch::Contains("block_5_add"));
}

TEST_CASE("imagenet: every network takes its smallest pictures, tall and wide ones, and refuses smaller ones") {
  for (const models::ImageNetFacts& facts : models::imagenet_networks()) {
    INFO(facts.name);
    const int side = facts.smallest_side;
    CHECK(models::imagenet_network(facts.name, {.input = {side, side, 3}}).output_shapes()[0][0] ==
          (side == 71 ? 3 : 1));
    CHECK(models::imagenet_network(facts.name, {.input = {side + 38, side + 1, 3}}).output_shapes()[0].rank() == 3);
    CHECK_THROWS_WITH(models::imagenet_network(facts.name, {.input = {side, side - 1, 3}}),
                      join("[", facts.keras_name, "] pictures must be at least ", side, "x", side,
                           " with channels as the last axis. Got (", side, ",", side - 1, ",3)."));
  }
  CHECK_THROWS_WITH(models::imagenet_network("resnet"), Catch::Contains("The nearest name is \"resnet50\"."));
  CHECK_THROWS_WITH(models::imagenet_network("mobilenet_v2", {.alpha = 0}), Catch::Contains("alpha must be above 0"));
}

TEST_CASE("imagenet: MobileNetV2 has Keras's numbers of filters at any width") {
  // Parameters without top, as keras.applications.MobileNetV2 counts them.
  const std::map<double, std::int64_t> counts{{0.35, 410208}, {0.5, 706224},  {0.75, 1382064},
                                              {1.0, 2257984}, {1.3, 3766048}, {1.4, 4363712}};
  for (const auto& [alpha, count] : counts) {
    INFO(alpha);
    const Model net = models::imagenet_network("mobilenet_v2", {.input = {96, 96, 3}, .alpha = alpha});
    CHECK(net.parameter_count() == count);
  }
  CHECK(models::imagenet_network("mobilenet_v2", {.input = {96, 96, 3}, .alpha = 0.35}).name() ==
        "mobilenetv2_0.35_96");
}

TEST_CASE("imagenet: preprocessing is part of the network, for pictures in bytes and in floats") {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 32 * 32 * 3; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 37));
  const Tensor pixels = Tensor::from(bytes, {1, 32, 32, 3});
  const Tensor floats = scale_bytes(pixels, 1);
  for (const auto mode : {models::Preprocessing::unit, models::Preprocessing::tf, models::Preprocessing::torch,
                          models::Preprocessing::caffe}) {
    INFO(models::name_of(mode));
    CHECK(models::parse_preprocessing(models::name_of(mode)) == mode);
    Model whole = models::imagenet_network("vgg16", {.input = {32, 32, 3}, .preprocessing = mode});
    whole.initialize(1);
    const Model first = whole.part(
        {mode == models::Preprocessing::unit || mode == models::Preprocessing::tf ? "rescaling" : "normalization"});
    CHECK(first(pixels).to_vector() == first(floats).to_vector());
    CHECK(whole(floats).to_vector() ==
          whole.part({"block5_pool"}, {first.layers().back()->name()})(first(floats)).to_vector());
  }
  CHECK_THROWS_WITH(
      models::imagenet_network("vgg16", {.input = {32, 32, 1}, .preprocessing = models::Preprocessing::caffe}),
      "[preprocess] caffe needs pictures of three channels. Got pictures of shape (32,32,1).");
  CHECK_THROWS_WITH(models::parse_preprocessing("cafe"), Catch::Contains("The nearest name is \"caffe\"."));
}
