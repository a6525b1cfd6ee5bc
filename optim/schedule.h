// Learning rate schedules: pure functions from the number of steps taken to the rate of the next, in float32 as Keras
// computes them (keras.optimizers.schedules), so that a training follows Keras's to the last digits.
//
//   Adam({.schedule = cosine_decay({.initial_learning_rate = 1e-3, .decay_steps = 10000})})
//
// What lowers the rate by how training goes, not by its step, is a callback: ReduceLROnPlateau in train/callbacks.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace mien {

/// The learning rate of step `step`, counted from 0. A function of one's own serves as well, as long as the same step
/// always gives the same rate: a training that is resumed asks for it again.
using Schedule = std::function<float(std::int64_t step)>;

struct ExponentialDecayOptions {
  double initial_learning_rate = 0.1;
  double decay_steps = 1000;
  double decay_rate = 0.96;
  bool staircase = false;  ///< whole powers only: the rate falls once in decay_steps
};
/// initial * decay_rate^(step / decay_steps).
Schedule exponential_decay(const ExponentialDecayOptions& options);

struct PiecewiseConstantDecayOptions {
  std::vector<std::int64_t> boundaries;  ///< ascending; a boundary itself still has the rate before it
  std::vector<double> values;            ///< one more than there are boundaries
};
/// Steps: values[0] up to and with boundaries[0], then values[1] up to boundaries[1], …
Schedule piecewise_constant_decay(const PiecewiseConstantDecayOptions& options);

struct CosineDecayOptions {
  double initial_learning_rate = 0.1;
  double decay_steps = 1000;  ///< after the warm-up
  double alpha = 0;           ///< the lowest rate, as a fraction of the one that the decay starts from
  /// With it, the rate first rises in a straight line from initial_learning_rate to this in warmup_steps.
  std::optional<double> warmup_target = {};
  double warmup_steps = 0;
};
/// Half a cosine wave down (Loshchilov and Hutter, 2017), after a linear warm-up where one is asked for.
Schedule cosine_decay(const CosineDecayOptions& options);

struct CosineDecayRestartsOptions {
  double initial_learning_rate = 0.1;
  double first_decay_steps = 1000;
  double t_mul = 2;  ///< each wave is so many times as long as the one before
  double m_mul = 1;  ///< and starts so many times as high
  double alpha = 0;  ///< the lowest rate, as a fraction of initial_learning_rate
};
/// Half cosine waves, one after the other (SGDR: Loshchilov and Hutter, 2017).
Schedule cosine_decay_restarts(const CosineDecayRestartsOptions& options);

struct PolynomialDecayOptions {
  double initial_learning_rate = 0.1;
  double decay_steps = 1000;
  double end_learning_rate = 1e-4;
  double power = 1;    ///< 1: a straight line
  bool cycle = false;  ///< past decay_steps the rate jumps up and falls to the end of the next multiple of them
};
/// From initial to end_learning_rate as (1 - step / decay_steps)^power.
Schedule polynomial_decay(const PolynomialDecayOptions& options);

struct InverseTimeDecayOptions {
  double initial_learning_rate = 0.1;
  double decay_steps = 1000;
  double decay_rate = 0.5;
  bool staircase = false;  ///< the rate falls once in decay_steps
};
/// initial / (1 + decay_rate * step / decay_steps).
Schedule inverse_time_decay(const InverseTimeDecayOptions& options);

}  // namespace mien
