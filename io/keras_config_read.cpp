#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "mien/io/json_depth.h"
#include "mien/io/keras_config.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

using Json = nlohmann::ordered_json;

constexpr int max_depth = 64;
constexpr std::size_t max_text = 2 << 20, max_parts = 300'000, max_layers = 4096;

std::string shown(const Json& json) { return printable(json.dump(-1, ' ', false, Json::error_handler_t::replace)); }

/// {"class_name": …, "config": {…}} becomes a class with arguments, other objects one without a name.
ConfigValue to_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{1} << 62) return json.get<double>();
  if (json.is_number()) return json.get<std::int64_t>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    ConfigValue::List list;
    for (const Json& part : json) list.push_back(to_value(part));
    return list;
  }
  if (!json.is_object()) return {};
  LayerConfig config;
  const auto class_name = json.find("class_name"), inner = json.find("config");
  const bool is_class = class_name != json.end() && class_name->is_string();
  if (is_class) config.class_name = class_name->get<std::string>();
  if (is_class && inner != json.end() && !inner->is_object())
    config.add("config", to_value(*inner));
  else
    for (const auto& [name, part] : (is_class && inner != json.end() ? *inner : json).items())
      if (!is_class || inner != json.end()) config.add(name, to_value(part));
  return config;
}

/// One value that a layer is called on: the layer it comes from, and which call of that layer.
struct Reference {
  std::string layer;
  std::size_t call;
};

/// A layer as it stands in the description.
struct Entry {
  LayerConfig config;
  std::vector<std::vector<Reference>> calls;
  std::vector<Symbol> made = {};  ///< one a call, as far as they are made
};

class NetworkReader {
 public:
  NetworkReader(const std::string& where, std::int64_t most_weights, const Shape& input)
      : where_(where), weights_left_(most_weights), input_(input) {}

  Model read(const Json& root) {
    const std::string kind = text(root, "class_name", "the network");
    const Json& config = member(root, "config", "the network");
    const Json& layers = config.is_object() ? member(config, "layers", "the network") : config;  // Keras 2: a list
    check(layers.is_array() && !layers.empty(), where_, "the network has no layers.");
    check(layers.size() <= max_layers, where_, "the network has ", layers.size(), " layers, more than ", max_layers,
          ".");
    std::string name = kind == "Sequential" ? "sequential" : "functional";
    if (const auto found = config.find("name"); config.is_object() && found != config.end() && found->is_string())
      name = found->get<std::string>();
    if (kind == "Sequential") return sequential(config, layers, name);
    check(kind == "Functional" || kind == "Model", where_, "the network is a ", printable(kind),
          "; Sequential and Functional can be read.");
    return functional(config, layers, name);
  }

 private:
  const Json& member(const Json& json, const char* key, const std::string& of) const {
    check(json.is_object() && json.contains(key), where_, "the description of ", of, " has no ", key, ".");
    return json.at(key);
  }
  std::string text(const Json& json, const char* key, const std::string& of) const {
    const Json& value = member(json, key, of);
    check(value.is_string(), where_, "the ", key, " of ", of, " should be a text. Got ", shown(value), ".");
    return value.get<std::string>();
  }

  /// The config of a layer; what Keras adds to say where it stands is left out.
  LayerConfig config_of(const Json& json) const {
    LayerConfig config{text(json, "class_name", "a layer"), {}};
    const Json& arguments = member(json, "config", "a layer");
    check(arguments.is_object(), where_, "the config of a layer should be an object. Got ", shown(arguments), ".");
    for (const auto& [name, value] : arguments.items()) {
      const bool place = name == "batch_input_shape" || name == "batch_shape" || name == "input_dtype";
      if (!place || config.class_name == "InputLayer") config.add(name, to_value(value));
    }
    const auto name = json.find("name");
    if (config.name().empty() && name != json.end()) config.add("name", to_value(*name));
    return from_keras1(config);
  }

  /// [null, 8, 8, 3] → (8,8,3).
  Shape shape_from(const Json& json) const {
    check(json.is_array() && !json.empty() && json.size() <= Shape::max_rank, where_,
          "an input's shape should be a list. Got ", shown(json), ".");
    const bool open = std::any_of(json.begin() + 1, json.end(), [](const Json& length) { return length.is_null(); });
    if (open && input_.rank() == static_cast<int>(json.size()) - 1) return input_;
    check(!open, where_, "the network leaves the shape of its input open: ", shown(json),
          ". Networks here have one: say which.");
    Shape shape;
    for (std::size_t i = 1; i < json.size(); ++i) {
      check(json[i].is_number_unsigned() && json[i] > 0u && json[i] < (1u << 31), where_,
            "an input's shape should be a list of lengths. Got ", shown(json), ".");
      shape.append(json[i].get<std::int64_t>());
    }
    return shape;
  }
  const Json* input_shape(const Json& layer) const {
    for (const char* const key : {"batch_shape", "batch_input_shape"})
      if (layer.is_object() && layer.contains("config") && layer["config"].is_object() && layer["config"].contains(key))
        return &layer["config"][key];
    return nullptr;
  }

  Layer make(LayerConfig config, const Shape& input) const {
    // The last axis by its number, as Keras 2 gives it, or in a list.
    for (auto& [argument, value] : config.arguments) {
      const auto* const list = value.get_if<ConfigValue::List>();
      const ConfigValue& axis = list && list->size() == 1 ? (*list)[0] : value;
      const bool last = axis == ConfigValue(input.rank()) || axis == ConfigValue(-1);
      if (argument == "axis" && last && config.class_name != "Concatenate") value = ConfigValue(-1);
    }
    return within(config.name(), [&] { return make_layer(config); });
  }

  /// The layer's output, with messages that name file and layer.
  Symbol call(const Layer& layer, const std::vector<Symbol>& inputs) {
    return within(layer->name(), [&] {
      const bool built = layer->is_built();
      layer->limit_weights(weights_left_);
      const Symbol result = layer(inputs);
      for (const auto& parameter : layer->parameters())
        if (!built) weights_left_ -= parameter->value.size();
      return result;
    });
  }
  template <class Work>
  auto within(const std::string& layer, Work work) const -> decltype(work()) {
    try {
      return work();
    } catch (const Error& error) {
      std::string message = error.what();
      const std::string own = "[make_layer] layer ";
      if (message.rfind(own, 0) == 0) fail(where_, message.substr(own.size() - 6));
      fail(where_, "layer \"", printable(layer), "\": ", message);
    }
  }

  Model sequential(const Json& config, const Json& layers, const std::string& name) {
    const Json* shape = input_shape(layers[0]);
    if (!shape && config.is_object() && config.contains("build_input_shape")) shape = &config["build_input_shape"];
    check(shape != nullptr || input_.rank() > 0, where_,
          "the network leaves the shape of its input open. Networks here have one: say which.");
    const LayerConfig first = config_of(layers[0]);
    const bool has_input = first.class_name == "InputLayer";
    const Symbol start = Input(shape ? shape_from(*shape) : input_, has_input ? first.name() : "");
    Symbol value = start;
    for (std::size_t i = has_input; i < layers.size(); ++i)
      value = call(make(config_of(layers[i]), value.shape()), {value});
    return finish({start}, {value}, name);
  }

  Model functional(const Json& config, const Json& layers, const std::string& name) {
    std::map<std::string, Entry> entries;
    std::vector<std::string> order;
    for (const Json& json : layers) {
      Entry entry{config_of(json), {}};
      const std::string layer = entry.config.name();
      check(!layer.empty(), where_, "a layer of class ", printable(entry.config.class_name), " has no name.");
      if (entry.config.class_name == "InputLayer") {
        const Json* const shape = input_shape(json);
        check(shape != nullptr, where_, "input \"", printable(layer), "\" has no shape.");
        entry.made.push_back(Input(shape_from(*shape), layer));
      } else {
        for (const Json& node : member(json, "inbound_nodes", '"' + printable(layer) + '"'))
          entry.calls.push_back(call_of(node, layer));
      }
      check(entries.emplace(layer, std::move(entry)).second, where_, "two layers are called \"", printable(layer),
            "\".");
      order.push_back(layer);
    }
    make_all(entries, order);
    return finish(values(entries, member(config, "input_layers", "the network")),
                  values(entries, member(config, "output_layers", "the network")), name);
  }

  /// Calls each layer once what it reads is there; they nearly always stand in that order.
  void make_all(std::map<std::string, Entry>& entries, const std::vector<std::string>& order) {
    std::map<std::string, Layer> made;
    for (bool moved = true; moved;) {
      moved = false;
      for (const std::string& name : order) {
        Entry& entry = entries.at(name);
        while (entry.made.size() < entry.calls.size()) {
          std::vector<Symbol> inputs;
          for (const Reference& reference : entry.calls[entry.made.size()]) {
            const auto source = entries.find(reference.layer);
            check(source != entries.end(), where_, "layer \"", printable(name), "\" reads \"",
                  printable(reference.layer), "\", which there is not.");
            if (reference.call < source->second.made.size()) inputs.push_back(source->second.made[reference.call]);
          }
          if (inputs.empty() || inputs.size() < entry.calls[entry.made.size()].size()) break;
          auto layer = made.find(name);
          if (layer == made.end()) layer = made.emplace(name, make(entry.config, inputs[0].shape())).first;
          entry.made.push_back(call(layer->second, inputs));
          moved = true;
        }
      }
    }
    for (const auto& [name, entry] : entries)
      check(entry.made.size() >= entry.calls.size() && !entry.made.empty(), where_, "layer \"", printable(name),
            "\" reads values that are never made.");
  }

  /// A node of Keras 3, {"args": […], "kwargs": {…}}, or of Keras 2, [[layer, call, 0, {…}], …].
  std::vector<Reference> call_of(const Json& node, const std::string& layer) const {
    std::vector<Reference> result;
    if (node.is_array() && !node.empty() && node[0].is_string()) {
      result.push_back(reference(node, layer));  // some of Keras 2's
    } else if (node.is_array()) {
      for (const Json& part : node) {
        result.push_back(reference(part, layer));
        if (part.size() > 3) check_keywords(part[3], layer);
      }
    } else {
      collect(member(node, "args", '"' + printable(layer) + '"'), layer, result);
      check_keywords(member(node, "kwargs", '"' + printable(layer) + '"'), layer);
    }
    check(!result.empty(), where_, "layer \"", printable(layer), "\" is called on nothing.");
    return result;
  }
  void collect(const Json& json, const std::string& layer, std::vector<Reference>& result) const {
    if (json.is_array()) {
      for (const Json& part : json) collect(part, layer, result);
    } else if (json.is_object() && json.contains("config") && json["config"].is_object() &&
               json["config"].contains("keras_history")) {
      result.push_back(reference(json["config"]["keras_history"], layer));
    } else {
      fail(where_, "layer \"", printable(layer), "\" is called on ", shown(json), ", which is no layer's output.");
    }
  }
  void check_keywords(const Json& keywords, const std::string& layer) const {
    check(keywords.is_object(), where_, "layer \"", printable(layer), "\" is called in a way that cannot be read.");
    for (const auto& [name, value] : keywords.items())
      check(value.is_null() || value == false, where_, "layer \"", printable(layer), "\" is called with ",
            printable(name), "=", shown(value), ", which there is not here.");
  }
  Reference reference(const Json& json, const std::string& layer) const {
    check(json.is_array() && json.size() >= 3 && json[0].is_string() && json[1].is_number_unsigned() &&
              json[2].is_number_unsigned() && json[2] == 0u,
          where_, printable(layer), ": a layer, a call and output 0 were expected. Got ", shown(json), ".");
    return {json[0].get<std::string>(), json[1].get<std::size_t>()};
  }

  /// ["image", 0, 0], or a list of such.
  std::vector<Symbol> values(const std::map<std::string, Entry>& entries, const Json& json) const {
    check(json.is_array() && !json.empty(), where_, "the network's inputs and outputs should be lists. Got ",
          shown(json), ".");
    std::vector<Symbol> result;
    for (const Json& part : json[0].is_array() ? json : Json::array({json})) {
      const Reference wanted = reference(part, "the network's inputs and outputs");
      const auto found = entries.find(wanted.layer);
      check(found != entries.end() && wanted.call < found->second.made.size(), where_,
            "the network's inputs and outputs: there is no \"", printable(wanted.layer), "\", call ", wanted.call, ".");
      result.push_back(found->second.made[wanted.call]);
    }
    return result;
  }

  Model finish(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs, const std::string& name) const {
    try {
      return Model(inputs, outputs, name);
    } catch (const Error& error) {
      fail(where_, error.what());
    }
  }

  const std::string& where_;
  std::int64_t weights_left_;
  Shape input_;
};

}  // namespace

Model network_from_keras_json(const std::string& json, const std::string& where, std::int64_t most_weights,
                              const Shape& input) {
  check(json.size() <= max_text, where, "the network's description has ", json.size(), " bytes, more than ", max_text,
        ".");
  check(too_deep(json, max_depth) == json.npos, where, "the network's description is nested too deeply.");
  const auto parts = std::count_if(json.begin(), json.end(), [](char c) { return c == ',' || c == '[' || c == '{'; });
  check(static_cast<std::size_t>(parts) <= max_parts, where, "the network's description has ", parts,
        " parts, more than ", max_parts, ".");
  try {
    return NetworkReader(where, most_weights, input).read(Json::parse(json));
  } catch (const Json::exception& error) {
    fail(where, "the network's description is no JSON as Keras writes it (", printable(error.what()), ").");
  }
}

}  // namespace mien
