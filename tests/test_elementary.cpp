// exp, sigmoid and tanh as the CPU kernels compute them: how many units in the last place they are off, over floats of
// every size, and that an element's bits do not depend on its place.
#include <bit>

#include "mien/kernels/kernels.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using namespace mien::testing;
namespace cpu = mien::kernels::cpu;

namespace {

/// Every `step`-th of all floats but the NaNs, of both signs.
Floats floats_of_every_size(std::uint32_t step) {
  Floats values = {infinity, -infinity, 0.0f, -0.0f};
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += step) {
    values.push_back(std::bit_cast<float>(bits));
    values.push_back(-values.back());
  }
  return values;
}

/// |actual - exact| in units of the last place of a float as large as `exact`.
double units_off(float actual, double exact) {
  if (static_cast<float>(exact) == actual) return 0;
  if (!std::isfinite(actual) || !std::isfinite(exact)) return HUGE_VAL;
  const int exponent = std::max(std::ilogb(exact), std::numeric_limits<float>::min_exponent - 1);
  return std::fabs(actual - exact) / std::ldexp(1.0, exponent - 23);
}

double worst(const Floats& x, const Floats& y, double (*exact)(double)) {
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, units_off(y[i], exact(x[i])));
  return largest;
}

Floats activated(const Floats& x, ActivationKind kind) {
  Floats y(x.size(), not_a_number);
  cpu::activation_forward(view(x), view(y), {kind});
  return y;
}

}  // namespace

TEST_CASE("sigmoid and tanh stand within 3 units in the last place, from the smallest float to infinity", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const Floats x = floats_of_every_size(1009);
  CHECK(worst(x, activated(x, ActivationKind::sigmoid), [](double value) {
          return value < 0 ? std::exp(value) / (1 + std::exp(value)) : 1 / (1 + std::exp(-value));
        }) < 2.5);
  CHECK(worst(x, activated(x, ActivationKind::tanh), [](double value) { return std::tanh(value); }) < 2.5);
}

TEST_CASE("the exponentials of a softmax stand within 2 units in the last place", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  // A row of x and 0, x far below 0: the sum is 1, and the share of x is e^x itself.
  Floats x, y;
  for (float value = -17.5f; value > -120.0f; value = std::nextafter(value * 1.000011f, -infinity)) {
    x.push_back(0.0f);
    x.push_back(value);
  }
  y.resize(x.size());
  cpu::softmax_forward(view(x), view(y), {static_cast<std::int64_t>(x.size() / 2), 2});
  double largest = 0;
  for (std::size_t i = 1; i < x.size(); i += 2)
    largest = std::max(largest, units_off(y[i], std::exp(static_cast<double>(x[i]))));
  CHECK(largest < 1.5);
}

TEST_CASE("an activation's bits do not depend on the element's place", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const ActivationKind kind = GENERATE(ActivationKind::sigmoid, ActivationKind::tanh);
  const Floats x = draw(67, 1, -12.0f, 12.0f), y = activated(x, kind);
  for (std::size_t first = 0; first < x.size(); ++first)
    for (const std::size_t length : {1, 3, 7, 15, 33}) {
      const auto from = x.begin() + static_cast<std::ptrdiff_t>(first);
      const Floats part(from, std::min(from + static_cast<std::ptrdiff_t>(length), x.end()));
      const Floats alone = activated(part, kind);
      for (std::size_t i = 0; i < alone.size(); ++i) REQUIRE(alone[i] == y[first + i]);
    }
}
