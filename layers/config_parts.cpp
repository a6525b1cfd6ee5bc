#include "mien/layers/config_parts.h"

#include <array>
#include <cmath>
#include <limits>

#include "mien/core/numbers.h"
#include "mien/core/ops/activation.h"

namespace mien {
namespace {

using List = ConfigValue::List;
using Kind = Initializer::Kind;

struct NamedInitializer {
  const char* class_name;  // Keras's class
  const char* name;        // and its short name
  Kind kind;
};
constexpr std::array initializers{NamedInitializer{"Zeros", "zeros", Kind::zeros},
                                  NamedInitializer{"Ones", "ones", Kind::ones},
                                  NamedInitializer{"Constant", "constant", Kind::constant},
                                  NamedInitializer{"GlorotUniform", "glorot_uniform", Kind::glorot_uniform},
                                  NamedInitializer{"GlorotNormal", "glorot_normal", Kind::glorot_normal},
                                  NamedInitializer{"HeUniform", "he_uniform", Kind::he_uniform},
                                  NamedInitializer{"HeNormal", "he_normal", Kind::he_normal},
                                  NamedInitializer{"LecunUniform", "lecun_uniform", Kind::lecun_uniform},
                                  NamedInitializer{"LecunNormal", "lecun_normal", Kind::lecun_normal}};

const std::string* text_argument(const LayerConfig& config, std::string_view name) {
  const ConfigValue* const found = config.find(name);
  return found ? found->get_if<std::string>() : nullptr;
}

std::optional<double> as_number(const ConfigValue& value) {
  if (const auto* number = value.get_if<double>()) return *number;
  if (const auto* integer = value.get_if<std::int64_t>()) return static_cast<double>(*integer);
  return {};
}

std::optional<double> number_argument(const LayerConfig& config, std::string_view name) {
  const ConfigValue* const found = config.find(name);
  return found ? as_number(*found) : std::nullopt;
}

/// Keras 2's general form, where it is one of the named ones.
std::optional<Initializer> variance_scaling(const LayerConfig& config) {
  const double scale = number_argument(config, "scale").value_or(1);
  const std::string *const mode = text_argument(config, "mode"), *const distribution =
                                                                     text_argument(config, "distribution");
  if (!mode || !distribution) return {};
  const bool normal = *distribution == "normal" || *distribution == "truncated_normal";
  if (!normal && *distribution != "uniform") return {};
  if (*mode == "fan_avg" && scale == 1) return normal ? glorot_normal : glorot_uniform;
  if (*mode == "fan_in" && scale == 2) return normal ? he_normal : he_uniform;
  if (*mode == "fan_in" && scale == 1) return normal ? lecun_normal : lecun_uniform;
  return {};
}

}  // namespace

ConfigValue to_config(const Extent2d& extent) { return List{extent.height, extent.width}; }

ConfigValue to_config(const std::vector<float>& numbers) { return List(numbers.begin(), numbers.end()); }

ConfigValue to_config(const Border& border) {
  return List{List{border.top, border.bottom}, List{border.left, border.right}};
}

ConfigValue to_config(Activation activation) {
  if (activation.kind == ActivationKind::leaky_relu && activation.slope != leaky_relu.activation.slope)
    return LayerConfig{"LeakyReLU", {{"negative_slope", activation.slope}}};
  return std::string(name(activation.kind));
}

ConfigValue to_config(Initializer initializer) {
  LayerConfig config;
  for (const NamedInitializer& known : initializers)
    if (known.kind == initializer.kind) config.class_name = known.class_name;
  if (initializer.kind == Kind::constant) config.add("value", initializer.value);
  return config;
}

ConfigValue to_config(const Regularizer& regularizer) {
  if (!regularizer.active()) return {};
  return LayerConfig{"L1L2", {{"l1", regularizer.l1}, {"l2", regularizer.l2}}};
}

ConfigValue to_config(Padding padding) {
  return padding == Padding::same ? "same" : padding == Padding::valid ? "valid" : "explicit";
}

Arguments::Arguments(const LayerConfig& config) : config_(config), taken_(config.arguments.size(), false) {
  name_ = text("name", "");
  trainable_ = flag("trainable", true);
  if (const ConfigValue* dtype = take("dtype")) {  // a name, or a policy that has one
    const auto* const policy = dtype->get_if<LayerConfig>();
    const std::string* const type = policy ? text_argument(*policy, "name") : dtype->get_if<std::string>();
    if (!type || *type != "float32") refuse("dtype", *dtype, "float32");
  }
}

const ConfigValue* Arguments::take(std::string_view argument) {
  const ConfigValue* found = nullptr;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    if (config_.arguments[i].first != argument) continue;
    if (taken_[i] || found)
      fail("make_layer", "layer \"", config_.name(), "\" (", config_.class_name, "): ", argument, " is given twice.");
    taken_[i] = true;
    found = &config_.arguments[i].second;
  }
  return found && !found->is_none() ? found : nullptr;
}

void Arguments::refuse(std::string_view argument, const ConfigValue& value, std::string_view wanted) const {
  fail("make_layer", "layer \"", config_.name(), "\" (", config_.class_name, "): ", argument, " can be ", wanted,
       ". Got ", to_text(value), ".");
}

void Arguments::missing(std::string_view argument) const {
  fail("make_layer", "layer \"", config_.name(), "\" (", config_.class_name, "): ", argument, " is missing.");
}

int Arguments::checked_integer(std::string_view argument, const ConfigValue& whole, const ConfigValue& part) const {
  const auto* const integer = part.get_if<std::int64_t>();
  if (!integer || *integer != static_cast<int>(*integer)) refuse(argument, whole, "whole numbers below 2^31");
  return static_cast<int>(*integer);
}

bool Arguments::flag(std::string_view argument, bool otherwise) {
  const ConfigValue* const value = take(argument);
  if (!value) return otherwise;
  if (const auto* flag = value->get_if<bool>()) return *flag;
  refuse(argument, *value, "true or false");
}

int Arguments::integer(std::string_view argument, int otherwise) {
  const ConfigValue* const value = take(argument);
  return value ? checked_integer(argument, *value, *value) : otherwise;
}

int Arguments::integer(std::string_view argument) {
  const ConfigValue* const value = take(argument);
  if (!value) missing(argument);
  return checked_integer(argument, *value, *value);
}

float Arguments::number(std::string_view argument, float otherwise) {
  const ConfigValue* const value = take(argument);
  if (!value) return otherwise;
  const std::optional<double> number = as_number(*value);
  if (!number || !std::isfinite(static_cast<float>(*number))) refuse(argument, *value, "a number");
  return static_cast<float>(*number);
}

std::string Arguments::text(std::string_view argument, std::string_view otherwise) {
  const ConfigValue* const value = take(argument);
  if (!value) return std::string(otherwise);
  if (const auto* text = value->get_if<std::string>()) return *text;
  refuse(argument, *value, "a text");
}

Extent2d Arguments::extent(std::string_view argument, Extent2d otherwise) {
  const ConfigValue* const value = take(argument);
  if (!value) return otherwise;
  const auto* const list = value->get_if<List>();
  if (!list) return checked_integer(argument, *value, *value);
  if (list->size() != 2) refuse(argument, *value, "one number or two");
  return {checked_integer(argument, *value, (*list)[0]), checked_integer(argument, *value, (*list)[1])};
}

Extent2d Arguments::extent(std::string_view argument) {
  if (const ConfigValue* const value = config_.find(argument); !value || value->is_none()) missing(argument);
  return extent(argument, 1);
}

Border Arguments::border(std::string_view argument, Border otherwise) {
  const ConfigValue* const value = take(argument);
  if (!value) return otherwise;
  const auto sides = [&](const ConfigValue& part) -> std::pair<int, int> {
    const auto* const list = part.get_if<List>();
    if (list && list->size() != 2) refuse(argument, *value, "one number, two, or two pairs");
    const int first = checked_integer(argument, *value, list ? (*list)[0] : part);
    return {first, list ? checked_integer(argument, *value, (*list)[1]) : first};
  };
  const auto* const axes = value->get_if<List>();
  if (axes && axes->size() != 2) refuse(argument, *value, "one number, two, or two pairs");
  const auto [top, bottom] = sides(axes ? (*axes)[0] : *value);
  const auto [left, right] = sides(axes ? (*axes)[1] : *value);
  return {top, bottom, left, right};
}

std::vector<float> Arguments::numbers(std::string_view argument) {
  const ConfigValue* const value = take(argument);
  if (!value) missing(argument);
  const List* const list = value->get_if<List>();
  std::vector<float> result;
  for (const ConfigValue& part : list ? *list : List{*value}) {
    const std::optional<double> number = as_number(part);
    if (!number) refuse(argument, *value, "a number or a list of numbers");
    result.push_back(static_cast<float>(*number));
  }
  return result;
}

std::vector<int> Arguments::integers(std::string_view argument) {
  const ConfigValue* const value = take(argument);
  if (!value) missing(argument);
  const auto* const list = value->get_if<List>();
  if (!list) refuse(argument, *value, "a list of whole numbers");
  std::vector<int> result;
  for (const ConfigValue& part : *list) result.push_back(checked_integer(argument, *value, part));
  return result;
}

Padding Arguments::padding() {
  const std::string text = this->text("padding", "valid");
  if (text == "explicit") return Padding::explicit_cells;
  if (text != "valid" && text != "same") refuse("padding", text, "valid or same");
  return text == "same" ? Padding::same : Padding::valid;
}

Activation Arguments::activation() {
  const ConfigValue* const value = take("activation");
  if (!value) return linear;
  const auto* text = value->get_if<std::string>();
  if (const auto* config = value->get_if<LayerConfig>()) {
    const std::optional<double> slope = number_argument(*config, "negative_slope");
    if (config->class_name == "LeakyReLU" && slope && *slope > 0)
      return {ActivationKind::leaky_relu, static_cast<float>(*slope)};
    if (config->class_name == "function") text = text_argument(*config, "config");
  }
  if (text) {
    for (int kind = 0; kind <= static_cast<int>(ActivationKind::softmax); ++kind)
      if (*text == mien::name(static_cast<ActivationKind>(kind))) return parse_activation(*text);
  }
  refuse("activation", *value, "linear, relu, relu6, leaky_relu, sigmoid, tanh or softmax");
}

Initializer Arguments::initializer(std::string_view argument, Initializer otherwise) {
  const ConfigValue* const value = take(argument);
  if (!value) return otherwise;
  const auto* const config = value->get_if<LayerConfig>();
  const auto* const text = value->get_if<std::string>();
  for (const NamedInitializer& known : initializers) {
    if (!(config ? config->class_name == known.class_name : text && *text == known.name)) continue;
    Initializer result{known.kind};
    if (known.kind == Kind::constant && config)
      result.value = static_cast<float>(number_argument(*config, "value").value_or(0));
    return result;
  }
  if (config && config->class_name == "VarianceScaling")
    if (const std::optional<Initializer> same = variance_scaling(*config)) return *same;
  refuse(argument, *value,
         "Zeros, Ones, Constant, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform or LecunNormal");
}

Regularizer Arguments::regularizer(std::string_view argument) {
  const ConfigValue* const value = take(argument);
  if (!value) return {};
  const auto* const config = value->get_if<LayerConfig>();
  if (!config || (config->class_name != "L1L2" && config->class_name != "L1" && config->class_name != "L2"))
    refuse(argument, *value, "L1, L2 or L1L2");
  return {static_cast<float>(number_argument(*config, "l1").value_or(0)),
          static_cast<float>(number_argument(*config, "l2").value_or(0))};
}

void Arguments::only(std::string_view argument, const ConfigValue& wanted) {
  const ConfigValue* const value = take(argument);
  if (!value || *value == wanted) return;
  const std::optional<double> one = as_number(*value), other = as_number(wanted);
  if (!one || !other || *one != *other) refuse(argument, *value, to_text(wanted));
}

void Arguments::ignore(std::string_view argument) { take(argument); }

void Arguments::finish() const {
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    const auto& [argument, value] = config_.arguments[i];
    if (taken_[i] || value.is_none() || value == ConfigValue(false)) continue;
    fail("make_layer", "layer \"", config_.name(), "\" (", config_.class_name, "): there is no setting ", argument,
         " here. Got ", to_text(value), ".");
  }
}

}  // namespace mien
