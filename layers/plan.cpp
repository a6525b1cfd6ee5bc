#include "mien/layers/plan.h"

#include <algorithm>
#include <unordered_map>

#include "mien/kernels/error.h"
#include "mien/layers/batch_normalization.h"
#include "mien/layers/elementwise.h"
#include "mien/layers/plan_parts.h"
#include "mien/layers/pool2d.h"

namespace mien {
namespace {

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
    values.push_back(convolution ? convolution->forward_fused(arguments, call, step.epilogue)
                                 : step.layer->forward(arguments, call));
    if (call.observer) call.observer(step.layer->name(), values.back());
  }
  std::vector<Tensor> outputs;
  for (int value : plan.outputs) outputs.push_back(values[static_cast<std::size_t>(value)]);
  return outputs;
}

}  // namespace mien
