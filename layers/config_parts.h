// What the layers' config() and make_layer() share: how settings become Keras's arguments, and arguments settings.
#pragma once

#include <vector>

#include "mien/core/ops/window.h"
#include "mien/kernels/scalar.h"
#include "mien/layers/config.h"

namespace mien {

/// [height, width].
ConfigValue to_config(const Extent2d& extent);
/// [0.5, 0.25].
ConfigValue to_config(const std::vector<float>& numbers);
/// [[top, bottom], [left, right]].
ConfigValue to_config(const Border& border);
/// The name; a LeakyReLU layer where the slope is not that of Keras's function.
ConfigValue to_config(Activation activation);
ConfigValue to_config(Initializer initializer);
/// None where it is off.
ConfigValue to_config(const Regularizer& regularizer);
/// "valid", "same"; "explicit", which Keras has not, for cells of one's own.
ConfigValue to_config(Padding padding);

/// Takes a layer's arguments one by one; what was not taken at the end is an error, so that no setting is overlooked.
class Arguments {
 public:
  /// Takes those that every layer has: name, trainable, dtype.
  explicit Arguments(const LayerConfig& config);

  const std::string& name() const { return name_; }
  bool trainable() const { return trainable_; }

  /// None, and arguments that are missing, have the value `otherwise`.
  bool flag(std::string_view argument, bool otherwise);
  int integer(std::string_view argument, int otherwise);
  /// One that must be there.
  int integer(std::string_view argument);
  float number(std::string_view argument, float otherwise);
  std::string text(std::string_view argument, std::string_view otherwise);
  /// One number or two.
  Extent2d extent(std::string_view argument, Extent2d otherwise);
  Extent2d extent(std::string_view argument);
  /// One number, one for each axis, or two for each.
  Border border(std::string_view argument, Border otherwise);
  std::vector<int> integers(std::string_view argument);
  /// One number or a list; one of them must be there.
  std::vector<float> numbers(std::string_view argument);
  Padding padding();
  Activation activation();
  Initializer initializer(std::string_view argument, Initializer otherwise);
  Regularizer regularizer(std::string_view argument);

  /// An argument that must have this value if it is given: the only one that there is here.
  void only(std::string_view argument, const ConfigValue& value);
  /// An argument that says nothing here.
  void ignore(std::string_view argument);
  /// Throws where an argument is left that is neither None nor false.
  void finish() const;

 private:
  /// Null where it is missing or None.
  const ConfigValue* take(std::string_view argument);
  [[noreturn]] void refuse(std::string_view argument, const ConfigValue& value, std::string_view wanted) const;
  [[noreturn]] void missing(std::string_view argument) const;
  int checked_integer(std::string_view argument, const ConfigValue& whole, const ConfigValue& part) const;

  const LayerConfig& config_;
  std::vector<bool> taken_;
  std::string name_;
  bool trainable_ = true;
};

}  // namespace mien
