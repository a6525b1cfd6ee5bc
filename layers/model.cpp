#include "mien/layers/model.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "mien/core/nearest_name.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/penalty.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

Plan without_unread_inputs(Plan plan) {
  std::vector<char> read(plan.inputs.size() + plan.steps.size(), 0);
  const auto note = [&](int value) { read[static_cast<std::size_t>(value)] = 1; };
  for (const Step& step : plan.steps) std::for_each(step.inputs.begin(), step.inputs.end(), note);
  std::for_each(plan.outputs.begin(), plan.outputs.end(), note);
  std::vector<int> renumbered;
  std::vector<Shape> inputs;
  int gone = 0;
  for (std::size_t i = 0; i < read.size(); ++i) {
    renumbered.push_back(static_cast<int>(i) - gone);
    if (i >= plan.inputs.size()) continue;
    if (read[i])
      inputs.push_back(plan.inputs[i]);
    else
      ++gone;
  }
  const auto renumber = [&](int& value) { value = renumbered[static_cast<std::size_t>(value)]; };
  for (Step& step : plan.steps) std::for_each(step.inputs.begin(), step.inputs.end(), renumber);
  std::for_each(plan.outputs.begin(), plan.outputs.end(), renumber);
  plan.inputs = std::move(inputs);
  return plan;
}

}  // namespace

Model::Model(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs, std::string name)
    : name_(std::move(name)) {
  make(inputs, outputs);
}

void Model::make(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs) {
  plan_ = make_plan(inputs, outputs);
  layers_ = layers_by_depth(plan_);
  name_layers();
  std::vector<std::string> names;
  for (const Symbol& input : inputs) {
    const Module& module = *input.node()->layer;
    names.push_back(module.kind() == "InputLayer" ? module.name() : "");
  }
  name_inputs(names);
  fused_ = fuse(plan_);
  made_ = true;
}

void Model::name_layers() {
  std::set<std::string> taken;
  std::vector<Layer> all;  // in the order in which a user wrote them, or nearly
  std::unordered_set<const Module*> seen;
  for (const Step& step : plan_.steps)
    if (seen.insert(&*step.layer).second) all.push_back(step.layer);
  for (const Layer& layer : all)
    if (!layer->name().empty())
      check(taken.insert(layer->name()).second, "model", "two layers are called \"", layer->name(), "\".");
  std::map<std::string, int> count;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Layer& layer = all[i];
    if (layer->name().empty()) {
      const std::string base = default_name(layer->kind());
      std::string candidate;
      do {
        const int number = count[base]++;
        candidate = number == 0 ? base : join(base, "_", number);
      } while (!taken.insert(candidate).second);
      layer->set_name(candidate);
    }
    layer->set_stream(i + 1);
    for (const auto& parameter : layer->parameters()) parameter->full_name = layer->name() + "/" + parameter->name;
  }
}

void Model::name_inputs(const std::vector<std::string>& names) {
  std::set<std::string> taken;
  for (const Layer& layer : layers_) taken.insert(layer->name());
  for (const std::string& name : names)
    check(name.empty() || taken.insert(name).second, "model", "two layers are called \"", name, "\".");
  int count = 0;
  for (std::string name : names) {
    for (bool missing = name.empty(); missing; missing = !taken.insert(name).second, ++count)
      name = count == 0 ? "input_layer" : join("input_layer_", count);
    input_names_.push_back(name);
  }
}

void Model::initialize(std::uint64_t seed) {
  check(made_, name_, "the network has no shapes yet: build() it for an input shape first.");
  const std::vector<std::shared_ptr<Parameter>> all = parameters();
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i]->value.copy_from(draw(all[i]->initializer, all[i]->value.shape(), seed, i));
  initialized_ = true;
}

std::vector<Tensor> Model::forward(const std::vector<Tensor>& inputs, const Call& call) const {
  check(made_, name_, "the network has no shapes yet: build() it for an input shape first.");
  check(initialized_, name_, "the network has no weights yet: initialize() or load() it first.");
  return run(plan(), inputs, call);
}

Tensor Model::forward(const Tensor& input, const Call& call) const {
  std::vector<Tensor> outputs = forward(std::vector<Tensor>{input}, call);
  check(outputs.size() == 1, name_, "the network has ", outputs.size(),
        " outputs: call forward() with a list of inputs.");
  return outputs[0];
}

Tensor Model::operator()(const Tensor& input) const {
  const NoGrad no_grad;
  return forward(input, {});
}

Tensor Model::penalty(const std::vector<Tensor>& activity) const {
  Tensor total;
  const auto include = [&](const Tensor& part) { total = total.defined() ? add(total, part) : part; };
  for (const auto& parameter : parameters())
    if (parameter->regularizer.active())
      include(mien::penalty(parameter->value, parameter->regularizer.l1, parameter->regularizer.l2));
  for (const Tensor& part : activity) include(part);
  return total;
}

std::vector<Shape> Model::output_shapes() const {
  std::vector<Shape> shapes;
  for (int value : plan_.outputs) {
    const auto inputs = static_cast<int>(plan_.inputs.size());
    shapes.push_back(value < inputs ? plan_.inputs[static_cast<std::size_t>(value)]
                                    : plan_.steps[static_cast<std::size_t>(value - inputs)].shape);
  }
  return shapes;
}

int Model::value_of(std::string_view layer) const {
  check(made_, name_, "the network has no shapes yet: build() it for an input shape first.");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (plan_.steps[i].layer->name() == layer) return plan_.value_of_step(i);
    names.push_back(plan_.steps[i].layer->name());
  }
  fail(name_, "there is no layer \"", layer, "\". The nearest name is \"", nearest_name(layer, names), "\".");
}

Layer Model::layer(std::string_view name) const {
  return plan_.steps[static_cast<std::size_t>(value_of(name)) - plan_.inputs.size()].layer;
}

Model Model::part(const std::vector<std::string>& outputs, const std::vector<std::string>& given) const {
  std::vector<int> made, replaced;
  for (const std::string& name : outputs) made.push_back(value_of(name));
  for (const std::string& name : given) replaced.push_back(value_of(name));
  Model result;
  result.name_ = name_;
  result.plan_ = without_unread_inputs(mien::part(plan_, made, replaced));
  result.layers_ = layers_by_depth(result.plan_);
  result.name_inputs(std::vector<std::string>(result.plan_.inputs.size()));
  result.fused_ = fuse(result.plan_);
  result.fusion_ = fusion_;
  result.initialized_ = initialized_;
  result.made_ = true;
  return result;
}

std::vector<std::shared_ptr<Parameter>> Model::parameters() const {
  std::vector<std::shared_ptr<Parameter>> result;
  for (const Layer& layer : layers())
    for (const auto& parameter : layer->parameters()) result.push_back(parameter);
  return result;
}

std::vector<std::shared_ptr<Parameter>> Model::trainable_parameters() const {
  std::vector<std::shared_ptr<Parameter>> result;
  for (const auto& parameter : parameters())
    if (parameter->value.requires_grad()) result.push_back(parameter);
  return result;
}

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : parameters()) count += parameter->value.size();
  return count;
}

void Model::to(Device device) {
  for (const auto& parameter : parameters()) {
    const bool wanted = parameter->value.requires_grad();
    parameter->value = parameter->value.detach().to(device);
    parameter->value.set_requires_grad(wanted);
  }
}

Device Model::device() const {
  const auto all = parameters();
  return all.empty() ? Device::cpu : all[0]->value.device();
}

void Sequential::build(const Shape& input, std::uint64_t seed) {
  if (is_made()) {
    check(input == input_shapes()[0], name_, "the network was built for inputs of shape ", input_shapes()[0], ". Got ",
          input, ".");
  } else {
    check(!chain_.empty(), name_, "a network needs at least one layer.");
    const Symbol start = Input(input);
    Symbol value = start;
    for (const Layer& layer : chain_) value = layer(value);
    make({start}, {value});
  }
  initialize(seed);
}

}  // namespace mien
