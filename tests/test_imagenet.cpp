// The six networks of models/imagenet.h against Keras's: every layer, and what they compute. The layers come from
// tests/golden/keras_arch_layers.json, the values from architectures.json, whose weights and input are a formula's.
#include <catch2/catch.hpp>
#include <map>

#include "mien/mien.h"
#include "mien/tests/golden.h"

using namespace mien;
using nlohmann::json;

namespace {

std::vector<std::int64_t> lengths(const Shape& shape) { return {shape.begin(), shape.end()}; }

const models::ImageNetFacts& facts_of(const std::string& keras_name) {
  for (const models::ImageNetFacts& facts : models::imagenet_networks())
    if (facts.keras_name == keras_name) return facts;
  throw std::runtime_error("no network " + keras_name);
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
