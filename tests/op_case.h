// A case of the op table (op_cases.h): an op as a function of tensors and, beside it, its definition as a function of
// doubles.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mien/mien.h"
#include "mien/tests/reference.h"

namespace mien::testing {

using reference::Values;

/// One input of a case. Float inputs take distinct, evenly spread values between low and high in random order, so that
/// no maximum is tied and no corner of an activation is met; integer ones whole numbers from low to below high.
struct OpInput {
  Shape shape;
  double low = -1, high = 1;
  bool differentiable = true;
  DType dtype = DType::float32;
};

struct OpCase {
  std::string name;
  std::vector<OpInput> inputs;
  std::function<Tensor(const std::vector<Tensor>&, Conv2dAlgorithm)> op;
  std::function<Values(const std::vector<Values>&)> definition;
  /// Piecewise linear in each input: whole numbers in, whole numbers out, so that all backends agree to the bit.
  bool exact_on_integers = false;
  bool has_algorithms = false;
};

using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Values>;

/// A case whose op has no choice of algorithm.
template <class Op, class Definition>
OpCase op_case(std::string name, std::vector<OpInput> inputs, Op op, Definition definition, bool exact = false) {
  return {std::move(name), std::move(inputs), [op](const Tensors& t, Conv2dAlgorithm) -> Tensor { return op(t); },
          std::move(definition), exact};
}

inline std::string text_of(const Shape& shape) { return join(shape); }

}  // namespace mien::testing
