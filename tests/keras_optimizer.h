// The optimizers and schedules of the golden indices, made from Keras's class names and configs.
#pragma once

#include <optional>
#include <string>

#include "mien/optim/adam.h"
#include "mien/optim/rmsprop.h"
#include "mien/optim/sgd.h"
#include "mien/tests/golden_config.h"

namespace mien::test {

/// The Keras schedule of that class and config; empty where mien has none, and `missing` says what.
inline Schedule make_schedule(const nlohmann::json& keras, std::string& missing) {
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
inline std::optional<Optimizer> make_optimizer(const nlohmann::json& entry, std::string& missing) {
  Config config(entry.at("config"));
  const auto read_shared = [&](auto& options) {
    if (const auto rate = config.take("learning_rate"); rate && rate->is_object())
      options.schedule = make_schedule(*rate, missing);
    else if (rate)
      options.learning_rate = *rate;
    config.read("clipnorm", options.clipnorm).read("global_clipnorm", options.global_clipnorm);
    config.read("clipvalue", options.clipvalue).read("weight_decay", options.weight_decay);
    if (const auto on = config.take("use_ema"); on && on->get<bool>())
      config.read("ema_momentum", options.average.momentum);
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

}  // namespace mien::test
