#include "mien/layers/module.h"

#include <cctype>

#include "mien/kernels/error.h"
#include "mien/layers/config.h"

namespace mien {

void Module::build(const std::vector<Shape>&) {}

Tensor Module::prepare(const std::vector<Shape>&) const { return {}; }

std::int64_t Module::multiply_adds(const std::vector<Shape>&) const { return 0; }

LayerConfig Module::config() const {
  fail(name_.empty() ? kind() : name_, "a layer of class ", kind(), " cannot describe itself: it has no config().");
}

LayerConfig Module::begin_config() const { return {kind(), {{"name", name_}, {"trainable", trainable_}}}; }

Module::Module(const Module& other)
    : name_(other.name_),
      trainable_(other.trainable_),
      built_(other.built_),
      stream_(other.stream_),
      built_for_(other.built_for_) {
  for (const auto& parameter : other.parameters_) {
    auto copy = std::make_shared<Parameter>(*parameter);
    if (copy->value.defined()) copy->value = copy->value.clone();
    parameters_.push_back(std::move(copy));
  }
}

void Module::set_trainable(bool on) {
  trainable_ = on;
  for (const auto& parameter : parameters_)
    if (!parameter->buffer && parameter->value.defined()) parameter->value.set_requires_grad(on);
}

void Module::build_once(const std::vector<Shape>& inputs) {
  if (built_) {
    check(inputs == built_for_, name_.empty() ? kind() : name_, "the layer was built for an input of shape ",
          built_for_.front(), ". Got ", inputs.front(), ".");
    return;
  }
  build(inputs);
  built_for_ = inputs;
  built_ = true;
}

void Module::add_parameter(std::string name, const Shape& shape, Initializer initializer, Regularizer regularizer,
                           bool buffer) {
  check(shape.size() <= weights_limit_, name_.empty() ? kind() : name_, "its ", name, " of shape ", shape,
        " would take more numbers than there are: ", weights_limit_, " are left.");
  weights_limit_ -= shape.size();
  auto parameter = std::make_shared<Parameter>();
  parameter->name = std::move(name);
  parameter->value = Tensor::empty(shape);
  parameter->value.set_requires_grad(trainable_ && !buffer);
  parameter->initializer = initializer;
  parameter->regularizer = regularizer;
  parameter->buffer = buffer;
  parameters_.push_back(std::move(parameter));
}

const Tensor& Module::parameter(std::string_view name) const {
  static const Tensor absent;
  for (const auto& parameter : parameters_)
    if (parameter->name == name) return parameter->value;
  return absent;
}

const Shape& Module::single_input(const std::vector<Shape>& inputs, int rank) const {
  const std::string where = name_.empty() ? kind() : name_;
  check(inputs.size() == 1, where, "the layer takes one input. Got ", inputs.size(), ".");
  check(rank < 0 || inputs[0].rank() == rank, where, "the input must have ", rank, " axes besides the batch. Got ",
        inputs[0], ".");
  return inputs[0];
}

std::string default_name(std::string_view kind) {
  const auto upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
  const auto lower = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; };
  std::string name;
  for (std::size_t i = 0; i < kind.size(); ++i) {
    const bool starts_word =
        upper(kind[i]) && i > 0 && (lower(kind[i - 1]) || (i + 1 < kind.size() && lower(kind[i + 1])));
    if (starts_word) name += '_';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(kind[i])));
  }
  return name;
}

}  // namespace mien
