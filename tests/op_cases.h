// The case table: every op on odd shapes, as a function of tensors and, beside it, its definition as a function of
// doubles (reference.h). Tests run each case on every backend and algorithm; an op is not there until it has cases.
#pragma once

#include "mien/tests/op_cases_arithmetic.h"
#include "mien/tests/op_cases_network.h"

namespace mien::testing {

inline std::vector<OpCase> op_cases() {
  std::vector<OpCase> cases;
  add_element_wise(cases);
  add_sums(cases);
  add_moves(cases);
  add_products(cases);
  add_convolutions(cases);
  add_pools(cases);
  add_batch_norms(cases);
  add_losses(cases);
  return cases;
}

}  // namespace mien::testing
