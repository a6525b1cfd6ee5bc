// The optimizers and schedules against Keras: tests/golden/optimizers.json.
#include <catch2/catch.hpp>
#include <cmath>
#include <optional>
#include <set>

#include "mien/core/autograd.h"
#include "mien/io/safetensors.h"
#include "mien/optim/adam.h"
#include "mien/optim/rmsprop.h"
#include "mien/optim/sgd.h"
#include "mien/tests/golden_config.h"
#include "mien/tests/tested_devices.h"

using namespace mien;
using nlohmann::json;
using test::Config;
using test::Coverage;

namespace {

/// The file's tolerance.
void check_close(double value, double expected) {
  INFO("value " << value << ", Keras " << expected);
  CHECK(std::abs(value - expected) <= 2e-6 + 1e-5 * std::abs(expected));
}

/// The Keras schedule of that class and config; empty where mien has none, and `missing` says what.
Schedule make_schedule(const json& keras, std::string& missing) {
  Config config(keras.at("config"));
  const std::string kind = keras.at("class");
  const auto finish = [&](auto make, auto& options) {
    missing = config.rest();
    return missing.empty() ? make(options) : Schedule{};
  };
  const auto common = [&](auto& options) -> Config& {
    return config.read("initial_learning_rate", options.initial_learning_rate);
  };
  if (kind == "ExponentialDecay") {
    ExponentialDecayOptions options;
    common(options).read("decay_steps", options.decay_steps).read("decay_rate", options.decay_rate);
    config.read("staircase", options.staircase);
    return finish(exponential_decay, options);
  }
  if (kind == "PiecewiseConstantDecay") {
    PiecewiseConstantDecayOptions options;
    config.read("boundaries", options.boundaries).read("values", options.values);
    return finish(piecewise_constant_decay, options);
  }
  if (kind == "CosineDecay") {
    CosineDecayOptions options;
    common(options).read("decay_steps", options.decay_steps).read("alpha", options.alpha);
    config.read("warmup_steps", options.warmup_steps);
    if (const auto target = config.take("warmup_target"); target && !target->is_null()) options.warmup_target = *target;
    return finish(cosine_decay, options);
  }
  if (kind == "CosineDecayRestarts") {
    CosineDecayRestartsOptions options;
    common(options).read("first_decay_steps", options.first_decay_steps).read("t_mul", options.t_mul);
    config.read("m_mul", options.m_mul).read("alpha", options.alpha);
    return finish(cosine_decay_restarts, options);
  }
  if (kind == "PolynomialDecay") {
    PolynomialDecayOptions options;
    common(options).read("decay_steps", options.decay_steps).read("end_learning_rate", options.end_learning_rate);
    config.read("power", options.power).read("cycle", options.cycle);
    return finish(polynomial_decay, options);
  }
  if (kind == "InverseTimeDecay") {
    InverseTimeDecayOptions options;
    common(options).read("decay_steps", options.decay_steps).read("decay_rate", options.decay_rate);
    config.read("staircase", options.staircase);
    return finish(inverse_time_decay, options);
  }
  missing = kind;
  return {};
}

/// The Keras optimizer of an index entry; nothing where mien has none, and `missing` says what.
std::optional<Optimizer> make_optimizer(const json& entry, std::string& missing) {
  Config config(entry.at("config"));
  const auto read_shared = [&](auto& options) {
    if (const auto rate = config.take("learning_rate"); rate && rate->is_object())
      options.schedule = make_schedule(*rate, missing);
    else if (rate)
      options.learning_rate = *rate;
    config.read("clipnorm", options.clipnorm).read("global_clipnorm", options.global_clipnorm);
    config.read("clipvalue", options.clipvalue).read("weight_decay", options.weight_decay);
  };
  const auto read_adam = [&](auto& options) {
    config.read("beta_1", options.beta_1).read("beta_2", options.beta_2).read("epsilon", options.epsilon);
    config.read("amsgrad", options.amsgrad);
  };
  const auto finish = [&](auto make, auto& options) -> std::optional<Optimizer> {
    read_shared(options);
    if (missing.empty()) missing = config.rest();
    if (!missing.empty()) return {};
    return make(options);
  };
  const std::string kind = entry.at("class");
  if (kind == "SGD") {
    SGDOptions options;
    config.read("momentum", options.momentum).read("nesterov", options.nesterov);
    return finish([](const SGDOptions& given) { return SGD(given); }, options);
  }
  if (kind == "RMSprop") {
    RMSpropOptions options;
    config.read("rho", options.rho).read("momentum", options.momentum).read("epsilon", options.epsilon);
    config.read("centered", options.centered);
    return finish([](const RMSpropOptions& given) { return RMSprop(given); }, options);
  }
  if (kind == "Adam") {
    AdamOptions options;
    read_adam(options);
    return finish([](const AdamOptions& given) { return Adam(given); }, options);
  }
  if (kind == "AdamW") {
    AdamWOptions options;
    read_adam(options);
    return finish([](const AdamWOptions& given) { return AdamW(given); }, options);
  }
  missing = kind;
  return {};
}

/// Row `index` of the first axis, without that axis.
Tensor row(const Tensor& tensor, std::int64_t index) {
  Shape shape;
  for (int axis = 1; axis < tensor.shape().rank(); ++axis) shape.append(tensor.shape()[axis]);
  return tensor.slice(index, index + 1).with_shape(shape);
}

/// Walks through the steps of one case, as Keras did.
void check_case(const json& entry, Optimizer optimizer, const std::vector<NamedTensor>& tensors, Device device) {
  const std::string name = entry.at("name");
  const std::set<std::string> no_decay = entry.at("no_decay");
  const std::vector<std::string> roles{"kernel", "bias"};
  std::vector<Tensor> weights, values, gradients;
  std::vector<bool> excluded;
  for (const std::string& role : roles) {
    values.push_back(find(tensors, name + "/" + role));
    gradients.push_back(find(tensors, name + "/d." + role));
    REQUIRE(values.back().defined());
    REQUIRE(gradients.back().defined());
    weights.push_back(row(values.back(), 0).clone().to(device));
    weights.back().set_requires_grad(true);
    excluded.push_back(no_decay.count(role) > 0);
  }
  optimizer.bind(weights, excluded);
  const std::int64_t steps = gradients[0].shape()[0];
  REQUIRE(steps > 0);
  for (std::int64_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i].clear_grad();
      accumulate(*weights[i].node(), row(gradients[i], step).to(device));
    }
    optimizer.step();
    CHECK(optimizer.iterations() == step + 1);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      INFO(name << ", " << roles[i] << " after step " << step + 1 << " on " << device);
      const std::vector<float> after = weights[i].to_vector(), expected = row(values[i], step + 1).to_vector();
      REQUIRE(after.size() == expected.size());
      for (std::size_t k = 0; k < after.size(); ++k) check_close(after[k], expected[k]);
    }
  }
}

}  // namespace

TEST_CASE("golden optimizers: every step lands where Keras's does") {
  const json index = test::golden_index("optimizers.json");
  const std::vector<NamedTensor> tensors = read_safetensors(test::golden_folder() / "optimizers.safetensors").tensors;
  Coverage coverage;
  for (const json& entry : index.at("cases")) {
    std::string missing;
    const std::optional<Optimizer> optimizer = make_optimizer(entry, missing);
    if (!optimizer) {
      coverage.awaiting.push_back(entry.at("name").get<std::string>() + " (" + missing + ")");
      continue;
    }
    for (const Device device : testing::tested_devices()) check_case(entry, *optimizer, tensors, device);
    ++coverage.covered;
  }
  coverage.print("golden optimizers");
  CHECK(coverage.covered > 0);
}

TEST_CASE("golden schedules: every learning rate is Keras's") {
  Coverage coverage;
  const json index = test::golden_index("optimizers.json");
  for (const json& entry : index.at("schedules")) {
    std::string missing;
    const Schedule schedule = make_schedule(entry, missing);
    if (!schedule) {
      coverage.awaiting.push_back(missing);
      continue;
    }
    const std::vector<std::int64_t> steps = entry.at("steps");
    const std::vector<double> values = entry.at("values");
    REQUIRE(steps.size() == values.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      INFO(entry.at("class") << " " << entry.at("config") << " at step " << steps[i]);
      check_close(schedule(steps[i]), values[i]);
    }
    ++coverage.covered;
  }
  coverage.print("golden schedules");
  CHECK(coverage.covered > 0);
}
