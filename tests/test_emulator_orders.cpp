// Every op on the emulator, its blocks, warps and threads run first to last, last to first, and in random orders: the
// same bits, or a kernel depends on an order that no GPU keeps.
#include "mien/tests/emulator_order.h"
#include "mien/tests/op_cases.h"
#include "mien/tests/op_outcome.h"

using namespace mien;
using namespace mien::testing;

namespace {

bool same_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace

TEST_CASE("every op gives the same bits in whatever order its threads run", "[emulator]") {
  const Poison poison;
  for (const OpCase& op_case : op_cases()) {
    std::vector<Conv2dAlgorithm> algorithms{Conv2dAlgorithm::automatic};
    if (op_case.has_algorithms)
      algorithms = {Conv2dAlgorithm::reference, Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm, Conv2dAlgorithm::sparse,
                    Conv2dAlgorithm::tensor_cores};
    const Arrays inputs = inputs_of(op_case, false);
    const std::size_t results = op_case.definition(inputs).size();
    const Values upstream = spread({static_cast<std::int64_t>(results)}, -1, 1, 99);
    for (const Conv2dAlgorithm algorithm : algorithms) {
      const Outcome expected = run(op_case, inputs, upstream, Device::cuda_emulated, algorithm);
      for (const Order& order : {reverse, in_random_order(1), in_random_order(2)}) {
        INFO(op_case.name << ", " << name_of(algorithm) << ", " << order);
        const OrderScope scope(order);
        const Outcome outcome = run(op_case, inputs, upstream, Device::cuda_emulated, algorithm);
        REQUIRE(same_bits(outcome.y, expected.y));
        REQUIRE(outcome.gradients.size() == expected.gradients.size());
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          INFO("gradient of input " << i);
          REQUIRE(same_bits(outcome.gradients[i], expected.gradients[i]));
        }
      }
    }
  }
}
