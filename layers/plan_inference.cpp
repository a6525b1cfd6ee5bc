// The passes for inference (plan.h): they may copy weights and change them.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "mien/layers/batch_normalization.h"
#include "mien/layers/elementwise.h"
#include "mien/layers/plan_parts.h"
#include "mien/layers/separable_conv2d.h"
#include "mien/layers/shaping.h"

namespace mien {

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

namespace {

/// Batch normalisation in inference as a depthwise 1x1 convolution.
Layer as_convolution(const BatchNormalizationModule& normalization, const Shape& input) {
  const auto result = std::make_shared<Conv2DModule>(1, Extent2d(1), Conv2DLayerOptions{}, true);
  result->set_name(normalization.name());
  result->build_once({input});
  std::vector<float> scale, offset;
  normalization.as_affine(scale, offset);
  const Device device = normalization.parameters().at(0)->value.device();
  result->parameters()[0]->value = Tensor::from(scale, result->parameters()[0]->value.shape(), device);
  result->parameters()[1]->value = Tensor::from(offset, {input[2]}, device);
  return Layer(result);
}

}  // namespace

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
    } else if (const auto* alone = as<BatchNormalizationModule>(step); alone && step.shape.rank() == 3) {
      // No convolution stands before it: it becomes one, which can take over the activation behind it.
      step.layer = as_convolution(*alone, step.shape);
    } else {
      step.layer = own(step.layer);
    }
  }
  return without(plan, stands_for);
}

Plan absorb(const Plan& original) {
  Plan plan = original;
  const std::vector<int> readers = count_readers(plan);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto* padding = as<ZeroPadding2DModule>(plan.steps[i]);
    const int next = padding ? only_reader(plan, readers, i) : -1;
    if (next < 0) continue;
    Step& reader = plan.steps[static_cast<std::size_t>(next)];
    const auto* convolution = as<Conv2DModule>(reader);
    if (!convolution) continue;
    reader.layer = Layer(convolution->bordered(padding->border(), plan.steps[i].shape));
    reader.inputs = plan.steps[i].inputs;
    reader.absorbed.push_back(padding->name());
  }
  return part(plan, plan.outputs);  // without what nobody reads any more
}

namespace {

/// Whether a convolution could add another value to its sums.
bool takes_residual(const Plan& plan, const std::vector<int>& readers, std::size_t index, const Shape& shape) {
  const Step& step = plan.steps[index];
  const auto* convolution = as<Conv2DModule>(step);
  return convolution && convolution->kind() == "Conv2D" && convolution->options().activation == linear &&
         step.epilogue == Conv2DEpilogue{} && step.shape == shape &&
         readers[static_cast<std::size_t>(plan.value_of_step(index))] == 1;
}

}  // namespace

Plan join(const Plan& original) {
  Plan plan = original;
  const std::vector<int> readers = count_readers(plan);
  const int first = static_cast<int>(plan.inputs.size());
  std::vector<int> stands_for(plan.steps.size(), -1);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& sum = plan.steps[i];
    if (sum.layer->kind() != "Add" || sum.inputs.size() != 2 || sum.inputs[0] == sum.inputs[1]) continue;
    if (plan.shape_of(sum.inputs[0]) != plan.shape_of(sum.inputs[1])) continue;
    // The later of two: by then the other's value is long there.
    int taken = -1, other = -1;
    for (int side = 0; side < 2; ++side) {
      const int index = sum.inputs[side] - first;
      if (index > taken && takes_residual(plan, readers, static_cast<std::size_t>(index), sum.shape))
        taken = index, other = sum.inputs[1 - side];
    }
    if (taken < 0) continue;
    // It moves to the sum's place, where both values are there.
    Step joined = plan.steps[static_cast<std::size_t>(taken)];
    joined.inputs.push_back(other);
    joined.epilogue.residual = true;
    joined.absorbed.push_back(sum.layer->name());
    stands_for[static_cast<std::size_t>(taken)] = taken;  // nobody reads it there any more
    const int next = only_reader(plan, readers, i);
    plan.steps[i] = std::move(joined);
    const auto* activation = next >= 0 ? as<ActivationModule>(plan.steps[static_cast<std::size_t>(next)]) : nullptr;
    if (!activation || activation->activation().kind == ActivationKind::softmax) continue;
    plan.steps[i].epilogue.activation = activation->activation();
    plan.steps[i].absorbed.push_back(activation->name());
    stands_for[static_cast<std::size_t>(next)] = static_cast<int>(i);
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

}  // namespace mien
