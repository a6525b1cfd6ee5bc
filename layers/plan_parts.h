// What the passes over a plan share (plan.h).
#pragma once

#include <algorithm>
#include <vector>

#include "mien/layers/plan.h"

namespace mien {

/// The module of a step, if it is of this class.
template <class T>
T* as(const Step& step) {
  return dynamic_cast<T*>(&*step.layer);
}

/// How many readers each value has; the caller is one for the outputs.
inline std::vector<int> count_readers(const Plan& plan) {
  std::vector<int> readers(plan.inputs.size() + plan.steps.size());
  for (const Step& step : plan.steps)
    for (int value : step.inputs) ++readers[static_cast<std::size_t>(value)];
  for (int value : plan.outputs) ++readers[static_cast<std::size_t>(value)];
  return readers;
}

/// The only step that reads the output of step `index`; -1 where there are several, or the caller reads it too.
inline int only_reader(const Plan& plan, const std::vector<int>& readers, std::size_t index) {
  const int value = plan.value_of_step(index);
  if (readers[static_cast<std::size_t>(value)] != 1) return -1;
  for (std::size_t i = index + 1; i < plan.steps.size(); ++i)
    if (plan.steps[i].inputs == std::vector<int>{value}) return static_cast<int>(i);
  return -1;
}

/// The plan without the steps marked as gone; `stands_for` says which earlier step's value takes the place of theirs.
inline Plan without(const Plan& plan, const std::vector<int>& stands_for) {
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

}  // namespace mien
