#include "mien/io/keras_weights.h"

#include <set>

#include "mien/io/keras_config.h"
#include "mien/io/text.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Weights of the network with those of the file, and all that does not fit.
class Pairing {
 public:
  Pairing(const Model& net, std::string where) : net_(net), where_(std::move(where)) {}

  void pair(const std::shared_ptr<Parameter>& parameter, const std::string& name, const Tensor& value) {
    if (!value.defined())
      object(join('"', printable(name), "\" holds other than floats"));
    else if (value.shape() != parameter->value.shape())
      object(join('"', printable(name), "\" is ", value.shape(), " in the file, ", parameter->full_name, " is ",
                  parameter->value.shape(), " in the network"));
    else
      pairs_.push_back({parameter, value});
  }
  void missing(const std::shared_ptr<Parameter>& parameter, const std::string& name) {
    object(join("the file has no \"", printable(name), "\" for ", parameter->full_name, ' ', parameter->value.shape()));
  }
  void surplus(const std::string& name, const Tensor& value) {
    object(join("the network has nothing for \"", printable(name), "\" ", value.shape()));
  }
  void object(const std::string& objection) {
    if (++objections_ <= 20) text_ += "\n  " + objection;
  }

  /// Copies the values, or throws and changes nothing.
  void assign() const {
    check(objections_ == 0, where_, "these are not the weights of the network \"", net_.name(), "\":", text_,
          objections_ > 20 ? join("\n  and ", objections_ - 20, " more") : "");
    for (const auto& [parameter, value] : pairs_) parameter->value.copy_from(value);
  }

 private:
  const Model& net_;
  std::string where_, text_;
  int objections_ = 0;
  std::vector<std::pair<std::shared_ptr<Parameter>, Tensor>> pairs_;
};

/// A list of names, which Keras splits over NAME0, NAME1, … where it is long. False where there is none.
bool names_of(const Hdf5File::Attributes& attributes, const std::string& name, std::vector<std::string>& names) {
  names.clear();
  if (const auto whole = attributes.find(name); whole != attributes.end()) {
    names = whole->second;
    return true;
  }
  for (int part = 0;; ++part) {
    const auto found = attributes.find(join(name, part));
    if (found == attributes.end()) return part > 0;
    names.insert(names.end(), found->second.begin(), found->second.end());
  }
}

/// A layer of a legacy file that has weights.
struct StoredLayer {
  std::string name;
  std::vector<std::pair<std::string, Tensor>> weights;
};

std::vector<StoredLayer> stored_layers(const Hdf5File& file, const std::string& folder,
                                       const std::vector<std::string>& names, const std::string& where) {
  std::vector<StoredLayer> layers;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const std::string path = folder + name;
    check(seen.insert(path).second, where, "layer \"", printable(name), "\" is named twice.");
    const auto group = file.groups.find(path);
    StoredLayer layer{name, {}};
    std::vector<std::string> weights;
    check(group != file.groups.end() && names_of(group->second, "weight_names", weights), where, "layer \"",
          printable(name), "\" is named, but there is no list of its weights.");
    for (const std::string& weight : weights) {
      const auto found = file.datasets.find(path + '/' + weight);
      check(found != file.datasets.end(), where, "weight \"", printable(weight), "\" of layer \"", printable(name),
            "\" is named, but not there.");
      check(seen.insert(found->first).second, where, "weight \"", printable(weight), "\" is named twice.");
      layer.weights.emplace_back(path + '/' + weight, found->second);
    }
    if (!layer.weights.empty()) layers.push_back(std::move(layer));
  }
  return layers;
}

/// Keras pairs layers that have weights by their order, and so do we: names depend on what was made before.
void pair_legacy(const Model& net, const Hdf5File& file, const std::string& folder,
                 const std::vector<std::string>& names, const std::string& where, Pairing& pairing) {
  std::vector<StoredLayer> stored = stored_layers(file, folder, names, where);
  if (file.groups.count(folder + "top_level_model_weights")) {  // of a model's own, outside any layer
    const std::vector<std::string> top{"top_level_model_weights"};
    for (StoredLayer& layer : stored_layers(file, folder, top, where)) stored.push_back(std::move(layer));
  }
  std::size_t next = 0;
  for (const Layer& layer : net.layers()) {
    const auto& parameters = layer->parameters();
    if (parameters.empty()) continue;
    const StoredLayer* const from = next < stored.size() ? &stored[next] : nullptr;
    ++next;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (from && i < from->weights.size())
        pairing.pair(parameters[i], from->weights[i].first, from->weights[i].second);
      else
        pairing.object(join("the file has no weight ", i, from ? " of layer \"" + printable(from->name) + '"' : "",
                            " for ", parameters[i]->full_name, ' ', parameters[i]->value.shape()));
    }
    for (std::size_t i = parameters.size(); from && i < from->weights.size(); ++i)
      pairing.surplus(from->weights[i].first, from->weights[i].second);
  }
  for (; next < stored.size(); ++next)
    for (const auto& [name, value] : stored[next].weights) pairing.surplus(name, value);
}

/// layers/conv2d_1/vars/0
void pair_keras3(const Model& net, const Hdf5File& file, const std::string& folder, Pairing& pairing) {
  std::set<std::string> used;
  const std::vector<std::string> names = keras_store_names(net);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& parameters = net.layers()[i]->parameters();
    for (std::size_t j = 0; j < parameters.size(); ++j) {
      const std::string path = join(folder, '/', names[i], "/vars/", j);
      const auto found = file.datasets.find(path);
      if (found == file.datasets.end())
        pairing.missing(parameters[j], path);
      else
        pairing.pair(parameters[j], path, found->second);
      used.insert(path);
    }
  }
  for (const auto& [path, value] : file.datasets) {
    // The state of a dropout's random numbers is no weight.
    if (used.count(path) == 0 && path.find("/seed_generator/") == path.npos) pairing.surplus(path, value);
  }
}

}  // namespace

void assign_weights(const Model& net, const Hdf5File& file, const std::string& where) {
  Pairing pairing(net, where);
  std::vector<std::string> names;
  const Hdf5File::Attributes& root = file.groups.at("");
  const auto inner = file.groups.find("model_weights");
  const Hdf5File::Attributes& legacy = inner == file.groups.end() ? root : inner->second;
  if (names_of(legacy, "layer_names", names)) {
    for (const Hdf5File::Attributes* attributes : {&root, &legacy}) {
      const auto backend = attributes->find("backend");
      check(backend == attributes->end() || backend->second != std::vector<std::string>{"theano"}, where,
            "the weights are those of Keras's Theano backend, whose kernels are mirrored.");
    }
    pair_legacy(net, file, inner == file.groups.end() ? "" : "model_weights/", names, where, pairing);
  } else {
    const bool early = file.groups.count("_layer_checkpoint_dependencies") != 0;  // Keras 2.12 to 2.15
    const std::string folder = early ? "_layer_checkpoint_dependencies" : "layers";
    check(file.groups.count(folder) != 0, where,
          "no weights of Keras's: neither a list of layers (layer_names) nor a group \"layers\".");
    pair_keras3(net, file, folder, pairing);
  }
  pairing.assign();
}

Hdf5File weights_file(const Model& net) {
  Hdf5File file;
  file.groups["vars"]["name"] = {net.name()};
  for (std::size_t i = 0; i < net.input_names().size(); ++i)
    file.groups[join("layers/input_layer", i == 0 ? "" : join('_', i), "/vars")]["name"] = {net.input_names()[i]};
  const std::vector<std::string> names = keras_store_names(net);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Layer& layer = net.layers()[i];
    const std::string path = "layers/" + names[i] + "/vars";
    file.groups[path]["name"] = {layer->name()};
    for (std::size_t j = 0; j < layer->parameters().size(); ++j)
      file.datasets[join(path, '/', j)] = layer->parameters()[j]->value.detach().to(Device::cpu);
  }
  return file;
}

}  // namespace mien
