// Every op of the case table on every backend, algorithm and instruction set: forward against the definition in double,
// gradients against finite differences of it, and all backends to the same bits where whole numbers stay whole.

#include "mien/tests/kernel_testing.h"
#include "mien/tests/op_cases.h"
#include "mien/tests/op_outcome.h"
#include "mien/tests/tested_devices.h"

using namespace mien;
using namespace mien::testing;

namespace {

/// One way to run a case.
struct Place {
  Device device;
  Conv2dAlgorithm algorithm;
  kernels::cpu::InstructionSet instructions;  ///< of the CPU kernels
};

/// `exact`: without Winograd, whose irrational points leave no whole number whole, and without the rule that may pick
/// it.
std::vector<Place> places_of(const OpCase& op_case, bool exact) {
  std::vector<Conv2dAlgorithm> algorithms{Conv2dAlgorithm::automatic};
  if (op_case.has_algorithms) {
    algorithms = {Conv2dAlgorithm::reference, Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm, Conv2dAlgorithm::sparse};
    if (!exact) algorithms.insert(algorithms.end(), {Conv2dAlgorithm::automatic, Conv2dAlgorithm::winograd});
  }
  std::vector<Place> places;
  for (const Device device : tested_devices())
    for (const Conv2dAlgorithm algorithm : algorithms) {
      if (device != Device::cpu) {
        places.push_back({device, algorithm, kernels::cpu::instruction_set()});
        continue;
      }
      for (const auto set : kernels::cpu::supported_instruction_sets()) places.push_back({device, algorithm, set});
    }
  return places;
}

Outcome run(const OpCase& op_case, const Arrays& values, const Values& upstream, const Place& place) {
  const InstructionSetScope scope(place.instructions);
  return run(op_case, values, upstream, place.device, place.algorithm);
}

/// Calls body(case, place) for each; a failure inside names both.
template <class Prepare, class Body>
void for_each_place(bool exact, const Prepare& prepare, const Body& body) {
  for (const OpCase& op_case : op_cases()) {
    if (!prepare(op_case)) continue;
    for (const Place& place : places_of(op_case, exact)) {
      INFO(op_case.name << ", " << place.device << ", " << name_of(place.algorithm) << ", "
                        << kernels::cpu::name(place.instructions));
      body(op_case, place);
    }
  }
}

}  // namespace

TEST_CASE("every op does what its definition says, and its gradients agree with finite differences", "[ops]") {
  const Poison poison;
  Arrays inputs, gradients;
  Values expected, upstream;
  for_each_place(
      false,
      [&](const OpCase& op_case) {
        inputs = inputs_of(op_case, false);
        expected = op_case.definition(inputs);
        upstream = spread({static_cast<std::int64_t>(expected.size())}, -1, 1, 99);
        gradients.assign(inputs.size(), {});
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          if (!op_case.inputs[i].differentiable) continue;
          gradients[i] = finite_differences(inputs[i], upstream, [&](const Values& moved) {
            Arrays changed = inputs;
            changed[i] = moved;
            return op_case.definition(changed);
          });
        }
        return true;
      },
      [&](const OpCase& op_case, const Place& place) {
        const Outcome outcome = run(op_case, inputs, upstream, place);
        check_close(outcome.y, expected);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          INFO("gradient of input " << i);
          if (op_case.inputs[i].differentiable) check_close(outcome.gradients[i], gradients[i]);
        }
      });
}

TEST_CASE("on whole numbers every backend and algorithm but Winograd agrees to the bit, and with the definition",
          "[ops]") {
  const Poison poison;
  Arrays inputs;
  Values expected, upstream;
  Outcome first;
  for_each_place(
      true,
      [&](const OpCase& op_case) {
        if (!op_case.exact_on_integers) return false;
        inputs = inputs_of(op_case, true);
        expected = op_case.definition(inputs);
        upstream = whole({static_cast<std::int64_t>(expected.size())}, -3, 4, 99);
        first = {};
        return true;
      },
      [&](const OpCase& op_case, const Place& place) {
        const Outcome outcome = run(op_case, inputs, upstream, place);
        REQUIRE(Values(outcome.y.begin(), outcome.y.end()) == expected);
        if (first.y.empty()) first = outcome;
        REQUIRE(outcome.gradients == first.gradients);
      });
}

TEST_CASE("an op that nobody wants a gradient of leaves no node behind", "[ops]") {
  for (const OpCase& op_case : op_cases()) {
    INFO(op_case.name);
    const Arrays values = inputs_of(op_case, false);
    Tensors inputs;
    for (std::size_t i = 0; i < values.size(); ++i) {
      inputs.push_back(tensor_of(values[i], op_case.inputs[i], Device::cpu));
      if (op_case.inputs[i].differentiable) inputs.back().set_requires_grad(true);
    }
    const NoGrad no_grad;
    CHECK_FALSE(op_case.op(inputs, Conv2dAlgorithm::automatic).node() !=
                (op_case.name.starts_with("activation linear") ? inputs[0].node() : nullptr));
  }
}

TEST_CASE("a label that is no class shows as NaN where the host does not look at labels", "[ops]") {
  for (const Device device : tested_devices()) {
    INFO(device);
    const Tensor labels = Tensor::from(std::vector<std::int32_t>{1, 2, -1}, {3}, device);
    Tensor shares = Tensor::empty({3, 2}, device), weights = Tensor::empty({3}, device);
    kernels::one_hot(device)(labels.view<std::int32_t>(), shares.view(), {3, 2}, 0.0f);
    kernels::gather(device)(Tensor::ones({2}, device).view(), labels.view<std::int32_t>(), weights.view());
    const Floats targets = shares.to_vector(), looked_up = weights.to_vector();
    CHECK(Floats(targets.begin(), targets.begin() + 2) == Floats{0.0f, 1.0f});
    for (std::size_t i = 2; i < 6; ++i) CHECK(std::isnan(targets[i]));
    CHECK(looked_up[0] == 1.0f);
    CHECK((std::isnan(looked_up[1]) && std::isnan(looked_up[2])));
  }
}
