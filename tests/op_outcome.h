// A case of the op table, run: inputs drawn for it, and what comes of them.
#pragma once

#include <catch2/catch.hpp>
#include <vector>

#include "mien/tests/kernel_testing.h"
#include "mien/tests/op_case.h"

namespace mien::testing {

/// Blocks of memory are handed out full of NaN, until the end of the scope.
struct Poison {
  Poison() { set_memory_poison(true); }
  ~Poison() { set_memory_poison(false); }
};

/// Evenly spread, distinct, away from every round number, in random order.
inline Values spread(const Shape& shape, double low, double high, std::uint64_t which) {
  const auto count = static_cast<std::size_t>(shape.size());
  Values values(count);
  for (std::size_t i = 0; i < count; ++i)
    // Rounded to float, so that tensors and definition see the same number.
    values[i] = static_cast<float>(low + (high - low) * (static_cast<double>(i) + 0.31) / static_cast<double>(count));
  Random(7, Purpose::test, which).shuffle(values);
  return values;
}

/// Whole numbers from low to below high.
inline Values whole(const Shape& shape, int low, int high, std::uint64_t which) {
  Random random(8, Purpose::test, which);
  Values values(static_cast<std::size_t>(shape.size()));
  for (double& value : values) value = low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low)));
  return values;
}

inline Arrays inputs_of(const OpCase& op_case, bool integers) {
  Arrays inputs;
  for (const OpInput& input : op_case.inputs) {
    const std::uint64_t which = inputs.size();
    if (input.dtype != DType::float32)
      inputs.push_back(whole(input.shape, static_cast<int>(input.low), static_cast<int>(input.high), which));
    else if (integers)
      inputs.push_back(whole(input.shape, -3, 4, which));
    else
      inputs.push_back(spread(input.shape, input.low, input.high, which));
  }
  return inputs;
}

inline Tensor tensor_of(const Values& values, const OpInput& input, Device device) {
  if (input.dtype == DType::uint8)
    return Tensor::from(std::vector<std::uint8_t>(values.begin(), values.end()), input.shape, device);
  if (input.dtype == DType::int32)
    return Tensor::from(std::vector<std::int32_t>(values.begin(), values.end()), input.shape, device);
  return Tensor::from(std::vector<float>(values.begin(), values.end()), input.shape, device);
}

struct Outcome {
  Floats y;
  std::vector<Floats> gradients;  ///< of sum(upstream * y), one for each input; empty where there is none
};

inline Outcome run(const OpCase& op_case, const Arrays& values, const Values& upstream, Device device,
                   Conv2dAlgorithm algorithm) {
  Tensors inputs;
  bool any = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const OpInput& input = op_case.inputs[i];
    inputs.push_back(tensor_of(values[i], input, device));
    if (!input.differentiable) continue;
    inputs.back().set_requires_grad(true);
    any = true;
  }
  Outcome outcome;
  const Tensor y = op_case.op(inputs, algorithm);
  if (y.dtype() == DType::int32) {
    const std::vector<std::int32_t> numbers = y.to_vector<std::int32_t>();
    outcome.y.assign(numbers.begin(), numbers.end());
  } else {
    outcome.y = y.to_vector();
  }
  REQUIRE(y.requires_grad() == any);
  if (any) backward(y, Tensor::from(Floats(upstream.begin(), upstream.end()), y.shape(), device));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor gradient = inputs[i].grad();
    REQUIRE(gradient.defined() == op_case.inputs[i].differentiable);
    if (gradient.defined()) REQUIRE(gradient.shape() == inputs[i].shape());
    outcome.gradients.push_back(gradient.to_vector());
  }
  return outcome;
}

}  // namespace mien::testing
