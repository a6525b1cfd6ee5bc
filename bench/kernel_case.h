// A case of the kernel benchmark: a name, what the work costs at least, and how to set it up.
//
// An op is timed as a network meets it: forward through its function, backward through the rule that it recorded, with
// outputs out of the caching allocator. So a case does not know which kernels an op calls.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mien/core/autograd.h"

namespace mien::bench {

/// What a case costs, whatever the algorithm: the multiply-adds of the dense one, and each operand once through memory.
struct Cost {
  double multiply_adds = 0;  ///< 0: the case is no product and has no GFLOP/s
  double read_bytes = 0, written_bytes = 0;
};

using Work = std::function<void()>;

struct KernelCase {
  std::string name;  ///< KERNEL/NETWORK/SHAPE/PASS/ALGORITHM: parts sort and can be filtered
  Cost cost;
  std::function<Work()> set_up;  ///< makes the operands; the work it returns is what is timed
  std::string label = "";        ///< what the name leaves open: the algorithm that the rule chose
};

/// Uniform numbers in [low, high), the same in every run.
Tensor random_tensor(const Shape& shape, float low = -1, float high = 1);

/// Runs the rule of the op that made y: the gradients of the inputs that want one. The graph stays, so it can run
/// again.
Work backward_work(const Tensor& y);

/// An op on tensors, for the cases that need no more: forward, and backward to all `inputs`.
using Op = std::function<Tensor(const std::vector<Tensor>&)>;
void add_op_cases(std::vector<KernelCase>& cases, const std::string& name, const std::vector<Shape>& inputs,
                  const Op& op, double multiply_adds = 0);

std::vector<KernelCase> convolution_cases();  // kernel_cases_convolution.cpp
std::vector<KernelCase> layer_cases();        // kernel_cases_layers.cpp

}  // namespace mien::bench
