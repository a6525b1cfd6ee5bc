// The optimizers' steps, as Keras 3 defines them, in float32 and in Keras's order of operations. One pass over the
// weight, its gradient and its moments.
#include <cmath>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

bool is_good(View<const float> state) { return state[state_finite] != 0.0f; }

/// What a weight is multiplied with before the step.
float decay_factor(float weight_decay, float learning_rate) { return weight_decay * learning_rate; }

}  // namespace

void sgd_update(View<const float> gradient, View<const float> state, View<float> w, View<float> velocity,
                SgdSettings settings) {
  if (!is_good(state)) return;
  const float learning_rate = state[state_learning_rate], momentum = settings.momentum;
  const float decay = decay_factor(settings.weight_decay, learning_rate);
  parallel_elements(w.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float weight = w.data[i] - w.data[i] * decay, step = learning_rate * gradient.data[i];
      if (momentum == 0.0f) {
        w.data[i] = weight - step;
        continue;
      }
      const float moved = momentum * velocity.data[i] - step;
      velocity.data[i] = moved;
      w.data[i] = settings.nesterov ? weight + momentum * moved - step : weight + moved;
    }
  });
}

void rmsprop_update(View<const float> gradient, View<const float> state, View<float> w, View<float> square,
                    View<float> mean, View<float> velocity, RmspropSettings settings) {
  if (!is_good(state)) return;
  const float learning_rate = state[state_learning_rate];
  const float decay = decay_factor(settings.weight_decay, learning_rate);
  const float keep = static_cast<float>(settings.rho), take = static_cast<float>(1.0 - settings.rho);
  parallel_elements(w.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float slope = gradient.data[i];
      square.data[i] = keep * square.data[i] + take * (slope * slope);
      float denominator = square.data[i] + settings.epsilon;
      if (settings.centered) {
        mean.data[i] = keep * mean.data[i] + take * slope;
        denominator = square.data[i] - mean.data[i] * mean.data[i] + settings.epsilon;
      }
      float step = learning_rate * slope / std::sqrt(denominator);
      if (settings.momentum > 0.0f) step = velocity.data[i] = settings.momentum * velocity.data[i] + step;
      w.data[i] = w.data[i] - w.data[i] * decay - step;
    }
  });
}

void adam_update(View<const float> gradient, View<const float> state, View<float> w, View<float> first,
                 View<float> second, View<float> second_maximum, AdamSettings settings) {
  if (!is_good(state)) return;
  const float learning_rate = state[state_learning_rate];
  const float decay = decay_factor(settings.weight_decay, learning_rate);
  const float rate = learning_rate * std::sqrt(state[state_bias_second]) / state[state_bias_first];
  const float take_first = static_cast<float>(1.0 - settings.beta_1);
  const float take_second = static_cast<float>(1.0 - settings.beta_2);
  parallel_elements(w.size, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float slope = gradient.data[i];
      const float m = first.data[i] = first.data[i] + (slope - first.data[i]) * take_first;
      float v = second.data[i] = second.data[i] + (slope * slope - second.data[i]) * take_second;
      if (settings.amsgrad) {
        const float largest = second_maximum.data[i];
        v = second_maximum.data[i] = v > largest || std::isnan(v) ? v : largest;
      }
      w.data[i] = w.data[i] - w.data[i] * decay - m * rate / (std::sqrt(v) + settings.epsilon);
    }
  });
}

}  // namespace mien::kernels::cpu
