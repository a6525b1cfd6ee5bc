#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "mien/io/keras_config.h"
#include "mien/kernels/error.h"
#include "mien/layers/config.h"

namespace mien {
namespace {

using Json = nlohmann::ordered_json;

/// Where Keras keeps the class that is the value of this argument.
const char* module_of(const std::string& argument) {
  return argument.ends_with("_initializer")   ? "keras.initializers"
         : argument.ends_with("_regularizer") ? "keras.regularizers"
                                              : "keras.layers";
}

Json serialized(const std::string& module, const std::string& class_name, Json config) {
  return {{"module", module}, {"class_name", class_name}, {"config", std::move(config)}, {"registered_name", nullptr}};
}

Json to_json(const ConfigValue& value, const std::string& argument) {
  if (const auto* flag = value.get_if<bool>()) return *flag;
  if (const auto* integer = value.get_if<std::int64_t>()) return *integer;
  if (const auto* number = value.get_if<double>()) return *number;
  if (const auto* text = value.get_if<std::string>()) return *text;
  if (const auto* list = value.get_if<ConfigValue::List>()) {
    Json json = Json::array();
    for (const ConfigValue& part : *list) json.push_back(to_json(part, argument));
    return json;
  }
  if (const auto* config = value.get_if<LayerConfig>()) {
    Json arguments = Json::object();
    for (const auto& [name, part] : config->arguments) arguments[name] = to_json(part, name);
    return serialized(module_of(argument), config->class_name, std::move(arguments));
  }
  return nullptr;
}

Json layer_json(const LayerConfig& layer) {
  Json config = Json::object();
  for (const auto& [name, value] : layer.arguments) {
    check(!(name == "padding" && value == ConfigValue("explicit")), "keras", "layer \"", layer.name(),
          "\": Keras's convolutions have no padding of cells of one's own. Let a ZeroPadding2D stand before it.");
    config[name] = to_json(value, name);
  }
  if (layer.class_name == "Flip") {  // an op, not a layer, to Keras: it has a name and its own argument alone
    config.erase("trainable");
    return serialized("keras.src.ops.numpy", layer.class_name, std::move(config));
  }
  if (!config.contains("dtype")) config["dtype"] = serialized("keras", "DTypePolicy", {{"name", "float32"}});
  return serialized("keras.layers", layer.class_name, std::move(config));
}

Json input_json(const std::string& name, const Shape& shape) {
  Json lengths = {nullptr};
  for (const std::int64_t length : shape) lengths.push_back(length);
  return serialized("keras.layers", "InputLayer", {{"batch_shape", lengths}, {"dtype", "float32"}, {"name", name}});
}

/// Where a value comes from: a layer, and which call of it.
struct Source {
  std::string layer;
  int call;
};

Json tensor_json(const Source& source, const Shape& shape) {
  Json lengths = {nullptr};
  for (const std::int64_t length : shape) lengths.push_back(length);
  return {{"class_name", "__keras_tensor__"},
          {"config", {{"shape", lengths}, {"dtype", "float32"}, {"keras_history", {source.layer, source.call, 0}}}}};
}

bool merges(const std::string& class_name) {
  return class_name == "Add" || class_name == "Subtract" || class_name == "Multiply" || class_name == "Concatenate";
}

/// One as itself, several as a list.
Json references(const std::vector<Source>& sources) {
  Json list = Json::array();
  for (const Source& source : sources) list.push_back({source.layer, source.call, 0});
  return list.size() == 1 ? list[0] : list;
}

Json functional_json(const Model& net) {
  const Plan& plan = net.unfused_plan();
  std::vector<Source> sources;  // of each value
  for (const std::string& name : net.input_names()) sources.push_back({name, 0});
  std::map<const Module*, int> calls;
  std::map<const Module*, Json> nodes;
  for (const Step& step : plan.steps) {
    Json arguments = Json::array();
    for (const int value : step.inputs)
      arguments.push_back(tensor_json(sources[static_cast<std::size_t>(value)], plan.shape_of(value)));
    if (merges(step.layer->kind())) arguments = Json::array({arguments});
    nodes[&*step.layer].push_back({{"args", arguments}, {"kwargs", Json::object()}});
    sources.push_back({step.layer->name(), calls[&*step.layer]++});
  }

  Json layers = Json::array();
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    Json json = input_json(net.input_names()[i], plan.inputs[i]);
    json["name"] = net.input_names()[i];
    json["inbound_nodes"] = Json::array();
    layers.push_back(std::move(json));
  }
  for (const Layer& layer : net.layers()) {
    Json json = layer_json(layer->config());
    json["name"] = layer->name();
    json["inbound_nodes"] = nodes.at(&*layer);
    layers.push_back(std::move(json));
  }
  std::vector<Source> outputs;
  for (const int value : plan.outputs) outputs.push_back(sources[static_cast<std::size_t>(value)]);
  sources.resize(plan.inputs.size());
  Json json = serialized("keras.src.models.functional", "Functional",
                         {{"name", net.name()},
                          {"trainable", true},
                          {"layers", layers},
                          {"input_layers", references(sources)},
                          {"output_layers", references(outputs)}});
  json["registered_name"] = "Functional";
  return json;
}

Json sequential_json(const Model& net) {
  Json layers = Json::array({input_json(net.input_names()[0], net.input_shapes()[0])});
  for (const Layer& layer : net.layers()) layers.push_back(layer_json(layer->config()));
  return serialized("keras", "Sequential", {{"name", net.name()}, {"trainable", true}, {"layers", layers}});
}

/// Whether each layer is used once, on the value of the one before, and is a layer to Keras: a Sequential there.
bool is_chain(const Plan& plan) {
  std::set<const Module*> used;
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].inputs != std::vector<int>{static_cast<int>(i)} || !used.insert(&*plan.steps[i].layer).second ||
        plan.steps[i].layer->kind() == "ReverseChannels")
      return false;
  return plan.inputs.size() == 1 && plan.outputs == std::vector<int>{static_cast<int>(plan.steps.size())};
}

}  // namespace

std::string keras_json(const Model& net) {
  const Json json = is_chain(net.unfused_plan()) ? sequential_json(net) : functional_json(net);
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::vector<std::string> keras_store_names(const Model& net) {
  std::map<std::string, int> count;
  std::vector<std::string> names;
  for (const Layer& layer : net.layers()) {
    const std::string base = default_name(layer->kind());  // Keras's class, for all that have weights
    const int number = count[base]++;
    names.push_back(number == 0 ? base : join(base, '_', number));
  }
  return names;
}

}  // namespace mien
