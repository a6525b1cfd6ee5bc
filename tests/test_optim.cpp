// What an optimizer does around its arithmetic: clipping, refusing a step, copies, saving and going on, errors.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "mien/core/autograd.h"
#include "mien/optim/adam.h"
#include "mien/optim/rmsprop.h"
#include "mien/optim/sgd.h"
#include "mien/tests/tested_devices.h"

using namespace mien;
using Catch::Matchers::Contains;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

Tensor parameter(const std::vector<float>& values, Device device = Device::cpu) {
  Tensor weight = Tensor::from(values, {static_cast<std::int64_t>(values.size())}, device);
  weight.set_requires_grad(true);
  return weight;
}

void set_gradient(Tensor& weight, const std::vector<float>& gradient) {
  weight.clear_grad();
  accumulate(*weight.node(), Tensor::from(gradient, weight.shape(), weight.device()));
}

/// Where one step of plain descent at rate 1 from zero lands: minus the gradients as clipped.
std::vector<std::vector<float>> clipped(SGDOptions options, const std::vector<std::vector<float>>& gradients) {
  options.learning_rate = 1;
  SGD optimizer(options);
  std::vector<Tensor> weights;
  for (const std::vector<float>& gradient : gradients) {
    weights.push_back(parameter(std::vector<float>(gradient.size(), 0.0f)));
    set_gradient(weights.back(), gradient);
  }
  optimizer.bind(weights);
  optimizer.step();
  std::vector<std::vector<float>> result;
  for (const Tensor& weight : weights) {
    result.push_back(weight.to_vector());
    for (float& value : result.back()) value = 0.0f - value;
  }
  return result;
}

/// An optimizer of each kind that has every slot its kind can have.
std::vector<Optimizer> all_optimizers() {
  return {Adam({.learning_rate = 0.1, .amsgrad = true}), AdamW(0.1),
          SGD({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}),
          RMSprop({.learning_rate = 0.1, .momentum = 0.5, .centered = true, .average = {.momentum = 0.75}})};
}

std::vector<float> gradient_of_step(int step) {
  const auto t = static_cast<float>(step);
  return {std::sin(t), std::cos(3 * t), 0.25f * t};
}

}  // namespace

TEST_CASE("clipvalue brings every element into its interval") {
  CHECK(clipped({.clipvalue = 0.5}, {{0.25f, -2.0f}, {0.75f}}) ==
        std::vector<std::vector<float>>{{0.25f, -0.5f}, {0.5f}});
}

TEST_CASE("clipnorm shortens each gradient for itself and leaves short ones alone") {
  const auto result = clipped({.clipnorm = 1}, {{3.0f, -4.0f}, {0.5f, 0.5f}});
  CHECK(result[0][0] == Approx(0.6f));
  CHECK(result[0][1] == Approx(-0.8f));
  CHECK(result[1] == std::vector<float>{0.5f, 0.5f});
}

TEST_CASE("global_clipnorm shortens all gradients by the same factor") {
  const auto result = clipped({.global_clipnorm = 6.5}, {{3.0f, -4.0f}, {12.0f}});
  CHECK(result[0][0] == Approx(1.5f));
  CHECK(result[0][1] == Approx(-2.0f));
  CHECK(result[1][0] == Approx(6.0f));
  CHECK(clipped({.global_clipnorm = 13.5}, {{3.0f, -4.0f}, {12.0f}}) ==
        std::vector<std::vector<float>>{{3.0f, -4.0f}, {12.0f}});
}

TEST_CASE("a gradient that is not finite leaves weights, slots and the count of steps as they were") {
  const Device device = GENERATE(from_range(testing::tested_devices()));
  const bool clips = GENERATE(false, true);
  for (Optimizer optimizer : all_optimizers()) {
    if (clips) optimizer = AdamW({.learning_rate = 0.1, .weight_decay = 0.5, .global_clipnorm = 1});
    INFO(optimizer.name() << " on " << device);
    for (const float bad : {not_a_number, std::numeric_limits<float>::infinity()}) {
      Tensor first = parameter({1, 2}, device), second = parameter({3, 4, 5}, device);
      optimizer.bind({first, second});
      const auto step = [&](const std::vector<float>& gradient) {
        set_gradient(first, {0.5f, -0.5f});
        set_gradient(second, gradient);
        optimizer.step();
      };
      step({1, 1, 1});
      CHECK(optimizer.last_step_finite());
      const auto before = first.to_vector(), before_second = second.to_vector();
      const auto slots = optimizer.state();
      step({1, bad, 1});
      CHECK_FALSE(optimizer.last_step_finite());
      CHECK(optimizer.iterations() == 1);
      CHECK(first.to_vector() == before);
      CHECK(second.to_vector() == before_second);
      const auto slots_after = optimizer.state();
      for (std::size_t i = 0; i < slots.size(); ++i)
        CHECK(slots_after[i].value.to_vector() == slots[i].value.to_vector());
      step({1, 1, 1});
      CHECK(optimizer.last_step_finite());
      CHECK(optimizer.iterations() == 2);
      CHECK(second.to_vector() != before_second);
    }
  }
}

TEST_CASE("weights without a gradient stay, but a step without any gradient is an error") {
  Tensor first = parameter({1}), second = parameter({2});
  SGD optimizer(1.0);
  optimizer.bind({first, second});
  CHECK_THROWS_WITH(optimizer.step(), Contains("[SGD] none of the 2 weights has a gradient"));
  set_gradient(second, {0.5f});
  optimizer.step();
  CHECK(first.item() == 1.0f);
  CHECK(second.item() == 1.5f);
}

TEST_CASE("weights excluded from decay keep their size") {
  Tensor decaying = parameter({1}), kept = parameter({1});
  SGD optimizer({.learning_rate = 0.5, .weight_decay = 0.5});
  optimizer.bind({decaying, kept}, {false, true});
  set_gradient(decaying, {0});
  set_gradient(kept, {0});
  optimizer.step();
  CHECK(decaying.item() == 0.75f);
  CHECK(kept.item() == 1.0f);
}

TEST_CASE("an optimizer that is saved and loaded goes on to the same bits") {
  const Device device = GENERATE(from_range(testing::tested_devices()));
  for (const Optimizer& settings : all_optimizers()) {
    INFO(settings.name() << " on " << device);
    Tensor weight = parameter({1, -2, 3}, device);
    Optimizer optimizer = settings;
    optimizer.bind({weight});
    for (int step = 0; step < 3; ++step) set_gradient(weight, gradient_of_step(step)), optimizer.step();
    optimizer.set_learning_rate(0.05);
    const auto state = optimizer.state();
    Tensor resumed = parameter(weight.to_vector(), device);
    Optimizer other = settings;
    other.bind({resumed});
    for (int step = 3; step < 6; ++step) set_gradient(weight, gradient_of_step(step)), optimizer.step();
    other.load_state(state, 0.05, 3);
    CHECK(other.iterations() == 3);
    CHECK(other.learning_rate() == 0.05);
    for (int step = 3; step < 6; ++step) set_gradient(resumed, gradient_of_step(step)), other.step();
    CHECK(resumed.to_vector() == weight.to_vector());
    REQUIRE(other.has_averages() == optimizer.has_averages());
    if (other.has_averages()) {
      other.swap_averages(), optimizer.swap_averages();
      CHECK(resumed.to_vector() == weight.to_vector());
    }
    CHECK(other.iterations() == optimizer.iterations());
  }
}

TEST_CASE("the running mean starts at the weight after the first step, and changes places with it and back") {
  const Device device = GENERATE(from_range(testing::tested_devices()));
  Tensor weight = parameter({8}, device);
  SGD optimizer({.learning_rate = 1, .average = {.momentum = 0.75}});
  optimizer.bind({weight});
  CHECK(!optimizer.has_averages());
  CHECK_THROWS_WITH(optimizer.swap_averages(), Contains("no step was taken"));
  for (const float gradient : {4.0f, -4.0f, 2.0f}) set_gradient(weight, {gradient}), optimizer.step();  // 4, 8, 6
  optimizer.swap_averages();  // 4; 0.75 * 4 + 0.25 * 8 = 5; 0.75 * 5 + 0.25 * 6 = 5.25
  CHECK(weight.to_vector() == std::vector<float>{5.25f});
  optimizer.swap_averages();
  CHECK(weight.to_vector() == std::vector<float>{6});

  set_gradient(weight, {not_a_number});
  optimizer.step();  // is not taken, so the mean does not move either
  optimizer.swap_averages();
  CHECK(weight.to_vector() == std::vector<float>{5.25f});

  SGD plain({.learning_rate = 1});
  plain.bind({weight});
  set_gradient(weight, {1}), plain.step();
  CHECK_THROWS_WITH(plain.swap_averages(), Contains("none are asked for"));
  CHECK_THROWS_WITH(SGD({.average = {.momentum = 1}}), Contains("average.momentum") && Contains("below 1"));
}

TEST_CASE("a saved state of other weights is refused and changes nothing") {
  Tensor weight = parameter({1, 2});
  Adam optimizer;
  CHECK_THROWS_WITH(optimizer.load_state({}, 0.1, 1), Contains("bind() the weights before load_state()"));
  optimizer.bind({weight});
  set_gradient(weight, {1, 1});
  optimizer.step();
  const Tensor right = Tensor::ones({2}), wrong = Tensor::ones({3});
  CHECK_THROWS_WITH(optimizer.load_state({{"momentum/0", right}}, 0.1, 5), Contains("lacks velocity/0"));
  CHECK_THROWS_WITH(optimizer.load_state({{"momentum/0", right}, {"velocity/0", wrong}}, 0.1, 5),
                    Contains("velocity/0") && Contains("(3)") && Contains("(2)"));
  CHECK_THROWS_WITH(optimizer.load_state({{"momentum/0", right}, {"velocity/0", right}, {"momentum/1", right}}, 0.1, 5),
                    Contains("must hold 2 tensors for these weights. Got 3"));
  CHECK_THROWS_WITH(optimizer.load_state({{"momentum/0", right}, {"velocity/0", right}}, 0.1, -5), Contains("Got -5"));
  CHECK(optimizer.iterations() == 1);
  CHECK(optimizer.learning_rate() == 1e-3);
  CHECK(find(optimizer.state(), "momentum/0").to_vector()[0] == Approx(0.1f));
}

TEST_CASE("a copy of an optimizer has its settings and is bound to nothing") {
  Tensor weight = parameter({1});
  Optimizer optimizer = SGD({.learning_rate = 0.5, .momentum = 0.9});
  optimizer.bind({weight});
  set_gradient(weight, {1});
  optimizer.step();
  optimizer.set_learning_rate(0.25);
  Optimizer copy = optimizer;
  CHECK(copy.name() == "SGD");
  CHECK(copy.learning_rate() == 0.25);
  CHECK(copy.iterations() == 0);
  CHECK(copy.state().empty());
  CHECK_THROWS_WITH(copy.step(), Contains("[SGD] bind() the weights before the first step()"));
  CHECK(optimizer.iterations() == 1);
}

TEST_CASE("a saved state does not follow later steps") {
  Tensor weight = parameter({1});
  Adam optimizer;
  optimizer.bind({weight});
  set_gradient(weight, {1});
  optimizer.step();
  const auto state = optimizer.state();
  const float before = find(state, "momentum/0").item();
  optimizer.step();
  CHECK(find(state, "momentum/0").item() == before);
}

TEST_CASE("a schedule decides the rate of every step") {
  Tensor weight = parameter({0});
  SGD optimizer({.schedule = piecewise_constant_decay({.boundaries = {0}, .values = {1.0, 0.25}})});
  optimizer.bind({weight});
  set_gradient(weight, {1});
  CHECK(optimizer.learning_rate() == 1.0);
  optimizer.step();
  CHECK(weight.item() == -1.0f);
  CHECK(optimizer.learning_rate() == 0.25);
  optimizer.step();
  CHECK(weight.item() == -1.25f);
  CHECK_THROWS_WITH(optimizer.set_learning_rate(0.1), Contains("[SGD] the learning rate follows a schedule"));
  optimizer.bind({weight});
  optimizer.load_state({}, 0, 7);
  CHECK(optimizer.learning_rate() == 0.25);
  SGD wrong({.schedule = [](std::int64_t) { return not_a_number; }});
  wrong.bind({weight});
  CHECK_THROWS_WITH(wrong.step(), Contains("the schedule must give a finite learning rate, at least 0. Got nan"));
  CHECK(weight.item() == -1.25f);
}

TEST_CASE("bad settings are errors that name rule and value") {
  CHECK_THROWS_WITH(Adam(-0.1), Contains("[Adam] learning_rate must be a finite number, at least 0. Got -0.1"));
  CHECK_THROWS_WITH(SGD(static_cast<double>(not_a_number)), Contains("[SGD] learning_rate") && Contains("Got nan"));
  CHECK_THROWS_WITH(Adam({.beta_1 = 1}), Contains("[Adam] beta_1 must be at least 0 and below 1. Got 1"));
  CHECK_THROWS_WITH(AdamW({.beta_2 = 1.5}), Contains("[AdamW] beta_2 must be at least 0 and below 1. Got 1.5"));
  CHECK_THROWS_WITH(Adam({.beta_2 = 1 - 1e-12}), Contains("[Adam] beta_2 must be at least 0 and below 1"));
  CHECK_THROWS_WITH(Adam({.epsilon = 0}), Contains("[Adam] epsilon must be a finite number above 0. Got 0"));
  CHECK_THROWS_WITH(RMSprop({.rho = -1}), Contains("[RMSprop] rho must be at least 0 and below 1. Got -1"));
  CHECK_THROWS_WITH(SGD({.momentum = 2}), Contains("[SGD] momentum must lie between 0 and 1. Got 2"));
  CHECK_THROWS_WITH(AdamW({.weight_decay = -4}), Contains("[AdamW] weight_decay") && Contains("Got -4"));
  CHECK_THROWS_WITH(SGD({.clipnorm = -1}), Contains("[SGD] clipnorm") && Contains("Got -1"));
  CHECK_THROWS_WITH(SGD({.clipnorm = 1, .clipvalue = 2}),
                    Contains("only one of clipnorm, global_clipnorm and clipvalue can be set") &&
                        Contains("clipnorm=1") && Contains("clipvalue=2"));
  Adam adam;
  CHECK_THROWS_WITH(adam.set_learning_rate(-3), Contains("[Adam] learning_rate") && Contains("Got -3"));
  CHECK(adam.learning_rate() == 1e-3);
}

TEST_CASE("bad weights are errors that name rule and value") {
  Adam adam;
  const Tensor weight = parameter({1, 2});
  CHECK_THROWS_WITH(adam.bind({weight, weight}), Contains("[Adam] every weight can be bound once. Got weight 1 twice"));
  CHECK_THROWS_WITH(adam.bind({weight}, {true, false}),
                    Contains("excluded_from_decay must name every weight or none. Got 2 for 1 weights"));
  CHECK_THROWS_WITH(adam.bind({Tensor()}), Contains("[Adam] a weight is missing"));
  CHECK_THROWS_WITH(adam.bind({Tensor::from(std::vector<std::int32_t>{1}, {1})}),
                    Contains("[Adam] a weight must be float32. Got int32"));
}

TEST_CASE("bad schedules are errors that name rule and value") {
  CHECK_THROWS_WITH(exponential_decay({.decay_steps = 0}), Contains("[exponential_decay] decay_steps must be above 0"));
  CHECK_THROWS_WITH(exponential_decay({.decay_rate = -0.5}), Contains("decay_rate must be above 0. Got -0.5"));
  CHECK_THROWS_WITH(polynomial_decay({.initial_learning_rate = -1}),
                    Contains("[polynomial_decay] initial_learning_rate must be at least 0. Got -1"));
  CHECK_THROWS_WITH(piecewise_constant_decay({.boundaries = {5}, .values = {1}}),
                    Contains("one value more than there are boundaries. Got 1 and 1"));
  CHECK_THROWS_WITH(piecewise_constant_decay({.boundaries = {5, 5}, .values = {1, 2, 3}}),
                    Contains("the boundaries must ascend. Got 5 before 5"));
  CHECK_THROWS_WITH(cosine_decay({.warmup_steps = 3}), Contains("warmup_steps needs a warmup_target"));
  CHECK_THROWS_WITH(cosine_decay({.alpha = 2}), Contains("alpha must lie between 0 and 1. Got 2"));
  CHECK_THROWS_WITH(cosine_decay_restarts({.t_mul = 0.5}), Contains("t_mul must be at least 1. Got 0.5"));
  CHECK_THROWS_WITH(inverse_time_decay({.decay_steps = -2}), Contains("decay_steps must be above 0. Got -2"));
}
