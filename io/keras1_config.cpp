// The arguments that Keras 1 gave its layers, by the names that they have had since Keras 2.
#include <array>
#include <utility>

#include "mien/io/keras_config.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

using Names = std::pair<const char*, const char*>;

constexpr std::array classes{Names{"Convolution2D", "Conv2D"}, Names{"AtrousConvolution2D", "Conv2D"},
                             Names{"SeparableConvolution2D", "SeparableConv2D"}};

constexpr std::array arguments{Names{"nb_filter", "filters"},
                               Names{"subsample", "strides"},
                               Names{"atrous_rate", "dilation_rate"},
                               Names{"border_mode", "padding"},
                               Names{"output_dim", "units"},
                               Names{"init", "kernel_initializer"},
                               Names{"bias", "use_bias"},
                               Names{"W_regularizer", "kernel_regularizer"},
                               Names{"b_regularizer", "bias_regularizer"},
                               Names{"W_constraint", "kernel_constraint"},
                               Names{"b_constraint", "bias_constraint"},
                               Names{"p", "rate"}};

const std::string* text_of(const LayerConfig& config, const char* argument) {
  const ConfigValue* const value = config.find(argument);
  return value ? value->get_if<std::string>() : nullptr;
}

/// {"name": "WeightRegularizer", "l1": …, "l2": …} → L1L2.
ConfigValue regularizer(const ConfigValue& value) {
  const auto* const given = value.get_if<LayerConfig>();
  if (!given || !given->class_name.empty()) return value;
  LayerConfig result{"L1L2", {}};
  for (const auto& [name, part] : given->arguments)
    if (name == "l1" || name == "l2") result.add(name, part);
  return result;
}

/// What it merges by was an argument of one class, Merge.
LayerConfig merge(const LayerConfig& config) {
  const std::string* const mode = text_of(config, "mode");
  LayerConfig result{mode && *mode == "sum"      ? "Add"
                     : mode && *mode == "mul"    ? "Multiply"
                     : mode && *mode == "concat" ? "Concatenate"
                                                 : "Merge",
                     {}};
  for (const char* const kept : {"name", "trainable"})
    if (const ConfigValue* value = config.find(kept)) result.add(kept, *value);
  if (const ConfigValue* axis = config.find("concat_axis"); axis && result.class_name == "Concatenate")
    result.add("axis", *axis);
  return result;
}

}  // namespace

LayerConfig from_keras1(const LayerConfig& config) {
  if (config.class_name == "Merge") return merge(config);
  LayerConfig result = config;
  for (const auto& [old_name, name] : classes)
    if (config.class_name == old_name) result.class_name = name;
  result.arguments.clear();
  ConfigValue rows, columns;
  for (const auto& [argument, value] : config.arguments) {
    std::string name = argument;
    for (const auto& [old_name, new_name] : arguments)
      if (argument == old_name) name = new_name;
    if (argument == "nb_row") {
      rows = value;
    } else if (argument == "nb_col") {
      columns = value;
    } else if (argument == "dim_ordering") {
      result.add("data_format", value == ConfigValue("tf") ? "channels_last" : "channels_first");
    } else if (argument == "mode" && config.class_name == "BatchNormalization" && value == ConfigValue(0)) {
      continue;  // by channel, the only way there has been since
    } else if (argument == "padding" && value.get_if<ConfigValue::List>() &&
               value.get_if<ConfigValue::List>()->size() == 4) {
      const auto& sides = *value.get_if<ConfigValue::List>();
      result.add("padding",
                 ConfigValue::List{ConfigValue::List{sides[0], sides[1]}, ConfigValue::List{sides[2], sides[3]}});
    } else if (argument != "input_dim" && argument != "input_length") {
      result.add(name, name.ends_with("_regularizer") ? regularizer(value) : value);
    }
  }
  if (!rows.is_none() || !columns.is_none()) result.add("kernel_size", ConfigValue::List{rows, columns});
  return result;
}

}  // namespace mien
