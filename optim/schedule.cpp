// Each schedule checks its settings once and returns a function that holds them as float32. The order of operations
// and the places where double is rounded are Keras's.
#include "mien/optim/schedule.h"

#include <cmath>
#include <numbers>

#include "mien/kernels/error.h"

namespace mien {

namespace {

void check_rate(const char* where, const char* name, double rate) {
  check(std::isfinite(rate) && rate >= 0, where, name, " must be at least 0. Got ", rate, ".");
}

void check_positive(const char* where, const char* name, double value) {
  check(std::isfinite(value) && value > 0, where, name, " must be above 0. Got ", value, ".");
}

void check_fraction(const char* where, const char* name, double value) {
  check(value >= 0 && value <= 1, where, name, " must lie between 0 and 1. Got ", value, ".");
}

/// From 1 at the fraction 0 to 0 at 1.
float cosine_wave(float fraction) { return 0.5f * (1.0f + std::cos(std::numbers::pi_v<float> * fraction)); }

/// Raised so that the wave ends at alpha.
float raised(float wave, double alpha) { return static_cast<float>(1.0 - alpha) * wave + static_cast<float>(alpha); }

float decay_progress(std::int64_t step, double decay_steps, bool staircase) {
  const float progress = static_cast<float>(step) / static_cast<float>(decay_steps);
  return staircase ? std::floor(progress) : progress;
}

}  // namespace

Schedule exponential_decay(const ExponentialDecayOptions& options) {
  const char* where = "exponential_decay";
  check_rate(where, "initial_learning_rate", options.initial_learning_rate);
  check_positive(where, "decay_steps", options.decay_steps);
  check_positive(where, "decay_rate", options.decay_rate);
  return [options](std::int64_t step) {
    return static_cast<float>(options.initial_learning_rate) *
           std::pow(static_cast<float>(options.decay_rate),
                    decay_progress(step, options.decay_steps, options.staircase));
  };
}

Schedule piecewise_constant_decay(const PiecewiseConstantDecayOptions& options) {
  const char* where = "piecewise_constant_decay";
  check(options.values.size() == options.boundaries.size() + 1, where,
        "there must be one value more than there are boundaries. Got ", options.values.size(), " and ",
        options.boundaries.size(), ".");
  for (const double value : options.values) check_rate(where, "every value", value);
  for (std::size_t i = 1; i < options.boundaries.size(); ++i)
    check(options.boundaries[i - 1] < options.boundaries[i], where, "the boundaries must ascend. Got ",
          options.boundaries[i - 1], " before ", options.boundaries[i], ".");
  return [options](std::int64_t step) {
    std::size_t passed = 0;
    while (passed < options.boundaries.size() && step > options.boundaries[passed]) ++passed;
    return static_cast<float>(options.values[passed]);
  };
}

Schedule cosine_decay(const CosineDecayOptions& options) {
  const char* where = "cosine_decay";
  check_rate(where, "initial_learning_rate", options.initial_learning_rate);
  check_positive(where, "decay_steps", options.decay_steps);
  check_fraction(where, "alpha", options.alpha);
  check_rate(where, "warmup_steps", options.warmup_steps);
  if (options.warmup_target) check_rate(where, "warmup_target", *options.warmup_target);
  check(options.warmup_target || options.warmup_steps == 0, where,
        "warmup_steps needs a warmup_target to rise to. Got warmup_steps=", options.warmup_steps, ".");
  return [options](std::int64_t step) {
    const float initial = static_cast<float>(options.initial_learning_rate);
    const float top = options.warmup_target ? static_cast<float>(*options.warmup_target) : initial;
    const float warmup_steps = static_cast<float>(options.warmup_steps);
    const float decay_steps = static_cast<float>(options.decay_steps);
    const float at = std::fmin(static_cast<float>(step), decay_steps + warmup_steps);
    if (at < warmup_steps) return (top - initial) * (at / warmup_steps) + initial;
    return top * raised(cosine_wave((at - warmup_steps) / decay_steps), options.alpha);
  };
}

Schedule cosine_decay_restarts(const CosineDecayRestartsOptions& options) {
  const char* where = "cosine_decay_restarts";
  check_rate(where, "initial_learning_rate", options.initial_learning_rate);
  check_positive(where, "first_decay_steps", options.first_decay_steps);
  check(std::isfinite(options.t_mul) && options.t_mul >= 1, where, "t_mul must be at least 1. Got ", options.t_mul,
        ".");
  check_positive(where, "m_mul", options.m_mul);
  check_fraction(where, "alpha", options.alpha);
  return [options](std::int64_t step) {
    const float longer = static_cast<float>(options.t_mul);
    float at = static_cast<float>(step) / static_cast<float>(options.first_decay_steps);  // in lengths of the first
    float restarts = 0;
    if (longer == 1.0f) {
      restarts = std::floor(at);
      at -= restarts;
    } else {
      // The waves before restart n are 1 + t + … + t^(n-1) = (1 - t^n) / (1 - t) long; solved for n.
      restarts = std::floor(std::log(1.0f - at * (1.0f - longer)) / std::log(longer));
      const float length = std::pow(longer, restarts);
      at = (at - (1.0f - length) / (1.0f - longer)) / length;
    }
    const float height = std::pow(static_cast<float>(options.m_mul), restarts);
    return static_cast<float>(options.initial_learning_rate) * raised(height * cosine_wave(at), options.alpha);
  };
}

Schedule polynomial_decay(const PolynomialDecayOptions& options) {
  const char* where = "polynomial_decay";
  check_rate(where, "initial_learning_rate", options.initial_learning_rate);
  check_rate(where, "end_learning_rate", options.end_learning_rate);
  check_positive(where, "decay_steps", options.decay_steps);
  check_positive(where, "power", options.power);
  return [options](std::int64_t step) {
    const float initial = static_cast<float>(options.initial_learning_rate);
    const float end = static_cast<float>(options.end_learning_rate);
    float steps = static_cast<float>(options.decay_steps), at = static_cast<float>(step);
    if (options.cycle)
      steps *= step == 0 ? 1.0f : std::ceil(at / steps);
    else
      at = std::fmin(at, steps);
    return (initial - end) * std::pow(1.0f - at / steps, static_cast<float>(options.power)) + end;
  };
}

Schedule inverse_time_decay(const InverseTimeDecayOptions& options) {
  const char* where = "inverse_time_decay";
  check_rate(where, "initial_learning_rate", options.initial_learning_rate);
  check_positive(where, "decay_steps", options.decay_steps);
  check_rate(where, "decay_rate", options.decay_rate);
  return [options](std::int64_t step) {
    const float progress = decay_progress(step, options.decay_steps, options.staircase);
    return static_cast<float>(options.initial_learning_rate) /
           (1.0f + static_cast<float>(options.decay_rate) * progress);
  };
}

}  // namespace mien
