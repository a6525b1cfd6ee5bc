// The order in which Keras lists a network's layers, and with them its weights: by depth.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "mien/layers/plan.h"

namespace mien {
namespace {

/// The order in which a walk from the outputs back, each step before its inputs, first inputs first, meets the steps.
std::vector<std::size_t> order_met(const Plan& plan) {
  const std::size_t first = plan.inputs.size();
  std::vector<char> seen(plan.steps.size(), 0);
  std::vector<std::size_t> order;
  std::vector<int> stack(plan.outputs.rbegin(), plan.outputs.rend());
  while (!stack.empty()) {
    const auto value = static_cast<std::size_t>(stack.back());
    stack.pop_back();
    if (value < first || seen[value - first]) continue;
    seen[value - first] = 1;
    order.push_back(value - first);
    const std::vector<int>& inputs = plan.steps[value - first].inputs;
    stack.insert(stack.end(), inputs.rbegin(), inputs.rend());
  }
  return order;
}

}  // namespace

std::vector<Layer> layers_by_depth(const Plan& plan) {
  const std::size_t first = plan.inputs.size();
  std::vector<int> depth(plan.steps.size(), 0);        // longest way to an output
  std::unordered_map<const Module*, int> layer_depth;  // of a layer used twice: its deepest use
  for (std::size_t i = plan.steps.size(); i-- > 0;) {
    const Step& step = plan.steps[i];
    int& deepest = layer_depth[&*step.layer];
    depth[i] = deepest = std::max(depth[i], deepest);
    for (const int value : step.inputs) {
      if (static_cast<std::size_t>(value) < first) continue;
      int& of_input = depth[static_cast<std::size_t>(value) - first];
      of_input = std::max(of_input, depth[i] + 1);
    }
  }
  std::vector<Layer> layers;
  std::unordered_map<const Module*, bool> listed;
  for (const std::size_t i : order_met(plan))
    if (!std::exchange(listed[&*plan.steps[i].layer], true)) layers.push_back(plan.steps[i].layer);
  std::stable_sort(layers.begin(), layers.end(),
                   [&](const Layer& a, const Layer& b) { return layer_depth.at(&*a) > layer_depth.at(&*b); });
  return layers;
}

}  // namespace mien
