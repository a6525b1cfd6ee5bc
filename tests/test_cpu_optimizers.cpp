// The CPU kernels that prepare gradients and take the optimizers' steps, against Keras's formulas in double.
#include <array>

#include "mien/kernels/kernels.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using namespace mien::testing;
namespace cpu = mien::kernels::cpu;

namespace {

constexpr std::int64_t size = 2 * 4096 + 41;
constexpr int steps = 4;
constexpr double learning_rate = 0.02f;

/// What an optimizer updates: the weight and up to three moments.
using Slots = std::array<Floats, 4>;
using Slot = std::array<double, 4>;

Floats state_of(int step, const AdamSettings& settings = {}) {
  Floats state(optimizer_state_size, 0.0f);
  state[state_learning_rate] = static_cast<float>(learning_rate);
  state[state_step] = static_cast<float>(step);
  state[state_finite] = 1.0f;
  state[state_bias_first] = 1.0f - std::pow(static_cast<float>(settings.beta_1), static_cast<float>(step));
  state[state_bias_second] = 1.0f - std::pow(static_cast<float>(settings.beta_2), static_cast<float>(step));
  return state;
}

/// The weights after a few steps of kernel(gradient, state, slots), held against definition(gradient, step, slot).
template <class Kernel, class Definition>
void check_steps(const AdamSettings& adam, const Kernel& kernel, const Definition& definition) {
  const Floats start = draw(size, 1);
  const Floats result = at_every_thread_count(size, [&](View<float> output) {
    Slots slots = {start, Floats(size, 0.0f), Floats(size, 0.0f), Floats(size, 0.0f)};
    for (int step = 1; step <= steps; ++step)
      kernel(draw(size, 100 + static_cast<std::uint64_t>(step)), state_of(step, adam), slots);
    std::copy(slots[0].begin(), slots[0].end(), output.data);
  });
  Values expected = doubled(start);
  std::vector<Slot> slots(start.size());
  for (std::size_t i = 0; i < start.size(); ++i) slots[i] = {expected[i], 0, 0, 0};
  for (int step = 1; step <= steps; ++step) {
    const Floats gradient = draw(size, 100 + static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < start.size(); ++i) definition(static_cast<double>(gradient[i]), step, slots[i]);
  }
  for (std::size_t i = 0; i < start.size(); ++i) expected[i] = slots[i][0];
  check_close(result, expected, 2e-6);
}

}  // namespace

TEST_CASE("the sum of squares is exact to float's rounding", "[cpu]") {
  const Floats x = draw(size, 2);
  double expected = 0;
  for (const float value : x) expected += static_cast<double>(value) * value;
  check_close(at_every_thread_count(1, [&](View<float> y) { cpu::sum_of_squares(view(x), y); }), {expected}, 1e-6);
}

TEST_CASE("one value that is not finite is noticed wherever it stands, and stays noticed", "[cpu]") {
  const Floats good(size, 3e38f);
  Floats state = state_of(1);
  cpu::note_finite(view(good), view(state));
  CHECK(state[state_finite] == 1.0f);
  for (const float bad : {not_a_number, infinity, -infinity})
    for (const std::size_t place : {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, good.size() - 1}) {
      Floats x = good;
      x[place] = bad;
      state = state_of(1);
      cpu::note_finite(view(x), view(state));
      CHECK(state[state_finite] == 0.0f);
      cpu::note_finite(view(good), view(state));
      CHECK(state[state_finite] == 0.0f);
    }
}

TEST_CASE("clipping by value and by norm, and a NaN comes through", "[cpu]") {
  Floats x = draw(size, 3);
  const Floats by_value = at_every_thread_count(size, [&](View<float> y) { cpu::clip_values(view(x), y, 0.25f); });
  for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(by_value[i] == std::min(0.25f, std::max(-0.25f, x[i])));

  Floats squares(1);
  cpu::sum_of_squares(view(x), view(squares));
  const auto by_norm = [&](float limit) {
    return at_every_thread_count(size, [&](View<float> y) { cpu::clip_norm(view(x), view(squares), y, limit); });
  };
  CHECK(by_norm(1000.0f) == x);
  check_close(by_norm(2.0f), reference::affine(doubled(x), 2 / std::sqrt(squares[0]), 0), 1e-6);

  x[5] = not_a_number;
  Floats y(x.size());
  cpu::clip_values(view(x), view(y), 0.25f);
  CHECK(std::isnan(y[5]));
  cpu::sum_of_squares(view(x), view(squares));
  cpu::clip_norm(view(x), view(squares), view(y), 1.0f);
  CHECK(std::isnan(y[0]));
}

TEST_CASE("SGD steps as Keras defines them", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const SgdSettings settings = GENERATE(SgdSettings{}, SgdSettings{.momentum = 0.9f},
                                        SgdSettings{.momentum = 0.9f, .nesterov = true, .weight_decay = 0.1f});
  check_steps(
      {},
      [&](const Floats& gradient, const Floats& state, Slots& slots) {
        Floats none;
        cpu::sgd_update(view(gradient), view(state), view(slots[0]), view(settings.momentum == 0 ? none : slots[1]),
                        settings);
      },
      [&](double gradient, int, Slot& slot) {
        auto& [w, velocity, unused, also_unused] = slot;
        w -= w * settings.weight_decay * learning_rate;
        velocity = settings.momentum * velocity - learning_rate * gradient;
        w += settings.nesterov ? settings.momentum * velocity - learning_rate * gradient : velocity;
      });
}

TEST_CASE("RMSprop steps as Keras defines them", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const RmspropSettings settings =
      GENERATE(RmspropSettings{}, RmspropSettings{.momentum = 0.8f}, RmspropSettings{.centered = true},
               RmspropSettings{.rho = 0.7, .momentum = 0.5f, .epsilon = 1e-3f, .centered = true, .weight_decay = 0.1f});
  check_steps(
      {},
      [&](const Floats& gradient, const Floats& state, Slots& slots) {
        Floats none;
        cpu::rmsprop_update(view(gradient), view(state), view(slots[0]), view(slots[1]),
                            view(settings.centered ? slots[2] : none), view(settings.momentum > 0 ? slots[3] : none),
                            settings);
      },
      [&](double gradient, int, Slot& slot) {
        auto& [w, square, mean, velocity] = slot;
        w -= w * settings.weight_decay * learning_rate;
        square = settings.rho * square + (1 - settings.rho) * gradient * gradient;
        mean = settings.rho * mean + (1 - settings.rho) * gradient;
        velocity =
            settings.momentum * velocity +
            learning_rate * gradient / std::sqrt(square - (settings.centered ? mean * mean : 0) + settings.epsilon);
        w -= velocity;
      });
}

TEST_CASE("Adam steps as Keras defines them", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const AdamSettings settings =
      GENERATE(AdamSettings{}, AdamSettings{.beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 1e-4f, .amsgrad = true},
               AdamSettings{.weight_decay = 0.1f});
  check_steps(
      settings,
      [&](const Floats& gradient, const Floats& state, Slots& slots) {
        Floats none;
        cpu::adam_update(view(gradient), view(state), view(slots[0]), view(slots[1]), view(slots[2]),
                         view(settings.amsgrad ? slots[3] : none), settings);
      },
      [&](double gradient, int step, Slot& slot) {
        auto& [w, first, second, largest] = slot;
        w -= w * settings.weight_decay * learning_rate;
        first += (gradient - first) * (1 - settings.beta_1);
        second += (gradient * gradient - second) * (1 - settings.beta_2);
        largest = std::max(largest, second);
        w -= learning_rate * std::sqrt(1 - std::pow(settings.beta_2, step)) / (1 - std::pow(settings.beta_1, step)) *
             first / (std::sqrt(settings.amsgrad ? largest : second) + settings.epsilon);
      });
}

TEST_CASE("a step that is not finite changes neither weights nor moments", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const Floats gradient(33, not_a_number), start = draw(33, 4);
  Floats state = state_of(1), w = start, first = start, second = start, third = start;
  cpu::note_finite(view(gradient), view(state));
  cpu::sgd_update(view(gradient), view(state), view(w), view(first), {.momentum = 0.9f, .weight_decay = 0.1f});
  cpu::rmsprop_update(view(gradient), view(state), view(w), view(first), view(second), view(third),
                      {.momentum = 0.9f, .centered = true, .weight_decay = 0.1f});
  cpu::adam_update(view(gradient), view(state), view(w), view(first), view(second), view(third),
                   {.amsgrad = true, .weight_decay = 0.1f});
  for (const Floats& values : {w, first, second, third}) CHECK(values == start);
}
