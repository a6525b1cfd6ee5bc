// A layer as data: Keras's name of its class, and its arguments as Keras's get_config names them. Files are written
// from it, and networks made of it.
//
//   LayerConfig config = net.layer("conv2d")->config();   // Conv2D{filters: 8, kernel_size: [3, 3], …}
//   Layer twin = make_layer(config);                      // of the same settings, with weights of its own
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mien/layers/module.h"

namespace mien {

struct ConfigValue;

/// A class by Keras's name, and its arguments by theirs: a layer, or an initialiser or regulariser among a layer's
/// arguments.
struct LayerConfig {
  std::string class_name;                                      ///< "Conv2D"
  std::vector<std::pair<std::string, ConfigValue>> arguments;  ///< {"filters", 8}, {"kernel_size", [3, 3]}, …

  /// Adds an argument behind the others.
  LayerConfig& add(std::string name, ConfigValue value);
  /// The value of an argument; null where it is not given.
  const ConfigValue* find(std::string_view name) const;
  /// The argument "name", a layer's name; empty where there is none.
  std::string name() const;

  friend bool operator==(const LayerConfig&, const LayerConfig&);
};

/// Nothing (Keras's None), a truth value, a number, a text, a list, or a class with arguments of its own.
struct ConfigValue {
  using List = std::vector<ConfigValue>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, LayerConfig> value;

  ConfigValue() = default;
  ConfigValue(bool value) : value(value) {}
  ConfigValue(int value) : value(std::int64_t{value}) {}
  ConfigValue(std::int64_t value) : value(value) {}
  ConfigValue(double value) : value(value) {}
  /// As the number that one would write: 0.99f is 0.99, not 0.9900000095.
  ConfigValue(float value);
  ConfigValue(const char* value) : value(std::string(value)) {}
  ConfigValue(std::string value) : value(std::move(value)) {}
  ConfigValue(List value) : value(std::move(value)) {}
  ConfigValue(LayerConfig value) : value(std::move(value)) {}

  bool is_none() const { return value.index() == 0; }
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&value);
  }

  friend bool operator==(const ConfigValue&, const ConfigValue&) = default;
};

/// As one would write it down: {"name": "GlorotUniform"} is GlorotUniform{}, a list [3, 3].
std::string to_text(const ConfigValue& value);

/// The layer that a config describes. Arguments that are missing have Keras's defaults; those that only say how Keras
/// stores or places a layer, or what a new one would be seeded with, are passed over. Throws Error that names layer,
/// argument and value where there is no such layer here, or none with such a setting.
Layer make_layer(const LayerConfig& config);

/// Whether make_layer() knows a class of that name.
bool is_layer_class(std::string_view class_name);

}  // namespace mien
