#include "mien/layers/plan.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "mien/kernels/error.h"
#include "mien/layers/batch_normalization.h"
#include "mien/layers/elementwise.h"
#include "mien/layers/pool2d.h"
#include "mien/layers/separable_conv2d.h"

namespace mien {
namespace {

/// The module of a step, if it is of this class.
template <class T>
T* as(const Step& step) {
  return dynamic_cast<T*>(&*step.layer);
}

/// How many readers each value has; the caller is one for the outputs.
std::vector<int> count_readers(const Plan& plan) {
  std::vector<int> readers(plan.inputs.size() + plan.steps.size());
  for (const Step& step : plan.steps)
    for (int value : step.inputs) ++readers[static_cast<std::size_t>(value)];
  for (int value : plan.outputs) ++readers[static_cast<std::size_t>(value)];
  return readers;
}

/// The only step that reads the output of step `index`; -1 where there are several, or the caller reads it too.
int only_reader(const Plan& plan, const std::vector<int>& readers, std::size_t index) {
  const int value = plan.value_of_step(index);
  if (readers[static_cast<std::size_t>(value)] != 1) return -1;
  for (std::size_t i = index + 1; i < plan.steps.size(); ++i)
    if (plan.steps[i].inputs == std::vector<int>{value}) return static_cast<int>(i);
  return -1;
}

/// The plan without the steps marked as gone; `stands_for` says which earlier step's value takes the place of theirs.
Plan without(const Plan& plan, const std::vector<int>& stands_for) {
  Plan result{plan.inputs, {}, plan.outputs};
  std::vector<int> renumbered(plan.inputs.size() + plan.steps.size());
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) renumbered[i] = static_cast<int>(i);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    int& number = renumbered[static_cast<std::size_t>(plan.value_of_step(i))];
    if (stands_for[i] >= 0) {
      number = renumbered[static_cast<std::size_t>(plan.value_of_step(static_cast<std::size_t>(stands_for[i])))];
      continue;
    }
    number = result.value_of_step(result.steps.size());
    result.steps.push_back(plan.steps[i]);
    for (int& value : result.steps.back().inputs) value = renumbered[static_cast<std::size_t>(value)];
  }
  for (int& value : result.outputs) value = renumbered[static_cast<std::size_t>(value)];
  return result;
}

/// Whether a max-pool stands somewhere behind this step, with only these harmless kinds of layers between.
bool leads_to_pool(const Plan& plan, const std::vector<int>& readers, std::size_t index, std::string& between) {
  for (int next = only_reader(plan, readers, index); next >= 0;
       next = only_reader(plan, readers, static_cast<std::size_t>(next))) {
    const Step& step = plan.steps[static_cast<std::size_t>(next)];
    if (as<Pool2DModule>(step)) return step.layer->kind() == "MaxPooling2D";
    if (!as<ActivationModule>(step) && !as<BatchNormalizationModule>(step) && step.layer->kind() != "Dropout")
      return false;
    if (!as<ActivationModule>(step)) between = step.layer->name();
  }
  return false;
}

}  // namespace

Plan make_plan(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs) {
  Plan plan;
  std::unordered_map<const GraphNode*, int> value;
  for (const Symbol& input : inputs) {
    value[input.node().get()] = static_cast<int>(plan.inputs.size());
    plan.inputs.push_back(input.shape());
  }
  for (const auto& node : in_order(outputs)) {
    if (value.count(node.get())) continue;
    check(node->layer->kind() != "InputLayer", "model", "an output depends on an input that was not given: shape ",
          node->shape, ".");
    Step step{.layer = node->layer, .inputs = {}, .shape = node->shape};
    for (const auto& input : node->inputs) step.inputs.push_back(value.at(input.get()));
    value[node.get()] = plan.value_of_step(plan.steps.size());
    plan.steps.push_back(std::move(step));
  }
  for (const Symbol& output : outputs) plan.outputs.push_back(value.at(output.node().get()));
  return plan;
}

Plan fuse(const Plan& original) {
  Plan plan = original;
  const std::vector<int> readers = count_readers(plan);
  std::vector<int> stands_for(plan.steps.size(), -1);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    Step& step = plan.steps[i];
    const auto* convolution = as<Conv2DModule>(step);
    if (!convolution) continue;
    const Conv2DLayerOptions& options = convolution->options();
    std::string between;
    const bool before_pool = leads_to_pool(plan, readers, i, between);
    if (options.activity_regularizer.active()) {
      if (before_pool) step.not_fused = "its activity regulariser needs the values before the pool";
      continue;
    }
    int next = only_reader(plan, readers, i);
    const auto take = [&](std::size_t taken) {
      stands_for[taken] = static_cast<int>(i);
      step.absorbed.push_back(plan.steps[taken].layer->name());
      step.shape = plan.steps[taken].shape;
      next = only_reader(plan, readers, taken);
    };
    if (next >= 0 && options.activation == linear) {
      const auto* activation = as<ActivationModule>(plan.steps[static_cast<std::size_t>(next)]);
      if (activation && activation->activation().kind != ActivationKind::softmax) {
        step.epilogue.activation = activation->activation();
        take(static_cast<std::size_t>(next));
      }
    }
    const auto* pool = next >= 0 ? as<Pool2DModule>(plan.steps[static_cast<std::size_t>(next)]) : nullptr;
    if (pool && pool->is_max_2x2() && options.activation.kind != ActivationKind::softmax) {
      step.epilogue.pool = true;
      take(static_cast<std::size_t>(next));
    } else if (pool && pool->kind() == "MaxPooling2D") {
      step.not_fused = join(pool->name(), " is not a 2x2 pool of stride 2 without padding");
    } else if (before_pool) {
      step.not_fused = join(between.empty() ? "another activation" : between, " stands between it and the pool");
    } else if (readers[static_cast<std::size_t>(plan.value_of_step(i))] > 1) {
      step.not_fused = "its output is read more than once";
    }
  }
  return without(plan, stands_for);
}

Plan expand(const Plan& original) {
  Plan plan{original.inputs, {}, original.outputs};
  std::vector<int> renumbered;
  for (std::size_t i = 0; i < original.inputs.size(); ++i) renumbered.push_back(static_cast<int>(i));
  std::unordered_map<const Module*, std::pair<Layer, Layer>> parts;  // a layer used twice stays one layer
  for (const Step& step : original.steps) {
    Step rest = step;
    for (int& value : rest.inputs) value = renumbered[static_cast<std::size_t>(value)];
    if (const auto* separable = as<SeparableConv2DModule>(step)) {
      const auto& [depthwise, pointwise] = parts.try_emplace(separable, separable->parts()).first->second;
      const Shape between = depthwise->output_shape({plan.shape_of(rest.inputs.at(0))});
      plan.steps.push_back({.layer = depthwise, .inputs = rest.inputs, .shape = between});
      rest.layer = pointwise;
      rest.inputs = {plan.value_of_step(plan.steps.size() - 1)};
    }
    renumbered.push_back(plan.value_of_step(plan.steps.size()));
    plan.steps.push_back(std::move(rest));
  }
  for (int& value : plan.outputs) value = renumbered[static_cast<std::size_t>(value)];
  return plan;
}

Plan fold(const Plan& original) {
  Plan plan = original;
  std::unordered_map<const Module*, std::shared_ptr<Module>> clones;  // a layer used twice stays one layer
  const auto own = [&](const Layer& layer) {
    std::shared_ptr<Module>& clone = clones[&*layer];
    if (!clone) clone = layer->clone();
    return Layer(clone);
  };
  std::unordered_map<const Module*, int> uses;
  for (const Step& step : plan.steps) ++uses[&*step.layer];
  const std::vector<int> readers = count_readers(plan);
  std::vector<int> stands_for(plan.steps.size(), -1);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    Step& step = plan.steps[i];
    if (stands_for[i] >= 0) continue;
    const auto* convolution = as<Conv2DModule>(step);
    const int next = convolution ? only_reader(plan, readers, i) : -1;
    const auto* normalization =
        next >= 0 ? as<BatchNormalizationModule>(plan.steps[static_cast<std::size_t>(next)]) : nullptr;
    if (normalization && convolution->options().activation == linear && step.epilogue.activation == linear &&
        !step.epilogue.pool && uses[&*step.layer] == 1) {
      std::vector<float> scale, offset;
      normalization->as_affine(scale, offset);
      step.layer = Layer(convolution->folded(scale, offset));
      step.absorbed.push_back(normalization->name());
      stands_for[static_cast<std::size_t>(next)] = static_cast<int>(i);
    } else {
      step.layer = own(step.layer);
    }
  }
  return without(plan, stands_for);
}

Plan prepare(const Plan& original) {
  Plan plan = original;
  for (Step& step : plan.steps) {
    std::vector<Shape> inputs;
    for (int value : step.inputs) inputs.push_back(plan.shape_of(value));
    const auto* const convolution = as<Conv2DModule>(step);
    step.prepared = convolution ? convolution->prepare_fused(inputs.at(0), step.epilogue) : step.layer->prepare(inputs);
  }
  return plan;
}

Plan part(const Plan& plan, const std::vector<int>& outputs, const std::vector<int>& given) {
  const std::size_t first = plan.inputs.size(), values = first + plan.steps.size();
  std::vector<char> needed(values, 0), is_given(values, 0);
  for (const int value : outputs) needed[static_cast<std::size_t>(value)] = 1;
  for (const int value : given) is_given[static_cast<std::size_t>(value)] = 1;
  for (std::size_t i = plan.steps.size(); i-- > 0;)
    if (needed[first + i] && !is_given[first + i])
      for (const int value : plan.steps[i].inputs) needed[static_cast<std::size_t>(value)] = 1;

  Plan result{plan.inputs, {}, outputs};
  std::vector<int> renumbered(values);
  for (std::size_t i = 0; i < first; ++i) renumbered[i] = static_cast<int>(i);
  for (const int value : given) {
    renumbered[static_cast<std::size_t>(value)] = static_cast<int>(result.inputs.size());
    result.inputs.push_back(plan.shape_of(value));
  }
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (!needed[first + i] || is_given[first + i]) continue;
    renumbered[first + i] = result.value_of_step(result.steps.size());
    result.steps.push_back(plan.steps[i]);
    for (int& value : result.steps.back().inputs) value = renumbered[static_cast<std::size_t>(value)];
  }
  for (int& value : result.outputs) value = renumbered[static_cast<std::size_t>(value)];
  return result;
}

std::vector<Tensor> run(const Plan& plan, const std::vector<Tensor>& inputs, const Call& whole) {
  check(inputs.size() == plan.inputs.size(), "model", "the network takes ", plan.inputs.size(), " inputs. Got ",
        inputs.size(), ".");
  for (std::size_t i = 0; i < inputs.size(); ++i)
    check(inputs[i].defined() && inputs[i].shape().rank() == plan.inputs[i].rank() + 1 &&
              inputs[i].shape().from(1) == plan.inputs[i],
          "model", "input ", i, " must have the shape (batch) + ", plan.inputs[i], ". Got ", inputs[i].shape(), ".");
  std::vector<int> readers = count_readers(plan);
  std::vector<Tensor> values = inputs;
  values.reserve(inputs.size() + plan.steps.size());
  Call call = whole;
  for (const Step& step : plan.steps) {
    call.prepared = step.prepared;
    std::vector<Tensor> arguments;
    for (int value : step.inputs) {
      arguments.push_back(values[static_cast<std::size_t>(value)]);
      if (--readers[static_cast<std::size_t>(value)] == 0) values[static_cast<std::size_t>(value)] = {};
    }
    auto* const convolution = as<Conv2DModule>(step);
    values.push_back(convolution ? convolution->forward_fused(arguments.at(0), call, step.epilogue)
                                 : step.layer->forward(arguments, call));
    if (call.observer) call.observer(step.layer->name(), values.back());
  }
  std::vector<Tensor> outputs;
  for (int value : plan.outputs) outputs.push_back(values[static_cast<std::size_t>(value)]);
  return outputs;
}

}  // namespace mien
