// The optimizers' steps, as Keras 3 defines them, and what is done to gradients and averages around them.
//
// One thread for each weight, which reads the gradient and the moments, and writes the weight and the moments: one pass
// where a chain of element-wise ops would make ten. Learning rate, step number and the mark of a bad step are read from
// device memory, not passed as arguments: a captured step is replayed with the arguments that it was captured with.
#include "mien/kernels/cuda/launch.h"
#include "mien/kernels/settings.h"

namespace mien::kernels::MIEN_CUDA_NAMESPACE {

namespace {

__global__ void clip_values_each(View<const float> x, View<float> y, float limit) {
  const int i = global_thread();
  if (i >= y.size) return;
  const float value = x[i];
  y[i] = value < -limit ? -limit : value > limit ? limit : value;  // a NaN stays
}

__global__ void clip_norm_each(View<const float> x, View<const float> squares, View<float> y, float limit) {
  const int i = global_thread();
  if (i >= y.size) return;
  const float norm = std::sqrt(squares[0]);
  const float factor = norm <= limit ? 1.0f : limit / norm;  // a NaN norm gives NaN
  y[i] = x[i] * factor;
}

__global__ void moving_average_each(View<const float> value, View<float> average, float momentum) {
  const int i = global_thread();
  if (i < average.size) average[i] = momentum * average[i] + (1.0f - momentum) * value[i];
}

__device__ bool is_good(View<const float> state) { return state[state_finite] != 0.0f; }

__global__ void sgd_update_each(View<const float> gradient, View<const float> state, View<float> w,
                                View<float> velocity, SgdSettings settings) {
  const int i = global_thread();
  if (i >= w.size || !is_good(state)) return;
  const float learning_rate = state[state_learning_rate];
  const float weight = w[i] - w[i] * (settings.weight_decay * learning_rate), step = learning_rate * gradient[i];
  if (settings.momentum == 0.0f) {
    w[i] = weight - step;
    return;
  }
  const float moved = settings.momentum * velocity[i] - step;
  velocity[i] = moved;
  w[i] = settings.nesterov ? weight + settings.momentum * moved - step : weight + moved;
}

// What is kept of a moment and what is taken of the new value, both rounded from double once.
struct Decay {
  float keep, take;
};

Decay decay(double rate) { return {static_cast<float>(rate), static_cast<float>(1.0 - rate)}; }

__global__ void rmsprop_update_each(View<const float> gradient, View<const float> state, View<float> w,
                                    View<float> square, View<float> mean, View<float> velocity,
                                    RmspropSettings settings, Decay rho) {
  const int i = global_thread();
  if (i >= w.size || !is_good(state)) return;
  const float learning_rate = state[state_learning_rate], slope = gradient[i];
  const float new_square = rho.keep * square[i] + rho.take * (slope * slope);
  square[i] = new_square;
  float denominator = new_square + settings.epsilon;
  if (settings.centered) {
    const float new_mean = rho.keep * mean[i] + rho.take * slope;
    mean[i] = new_mean;
    denominator = new_square - new_mean * new_mean + settings.epsilon;
  }
  float step = learning_rate * slope / std::sqrt(denominator);
  if (settings.momentum > 0.0f) {
    step = settings.momentum * velocity[i] + step;
    velocity[i] = step;
  }
  w[i] = w[i] - w[i] * (settings.weight_decay * learning_rate) - step;
}

__global__ void adam_update_each(View<const float> gradient, View<const float> state, View<float> w, View<float> first,
                                 View<float> second, View<float> second_maximum, AdamSettings settings, Decay beta_1,
                                 Decay beta_2) {
  const int i = global_thread();
  if (i >= w.size || !is_good(state)) return;
  const float learning_rate = state[state_learning_rate], slope = gradient[i];
  const float rate = learning_rate * std::sqrt(state[state_bias_second]) / state[state_bias_first];
  const float m = first[i] + (slope - first[i]) * beta_1.take;
  float v = second[i] + (slope * slope - second[i]) * beta_2.take;
  first[i] = m;
  second[i] = v;
  if (settings.amsgrad) {
    const float largest = second_maximum[i];
    v = v > largest || v != v ? v : largest;
    second_maximum[i] = v;
  }
  w[i] = w[i] - w[i] * (settings.weight_decay * learning_rate) - m * rate / (std::sqrt(v) + settings.epsilon);
}

}  // namespace

void clip_values(View<const float> x, View<float> y, float limit) {
  launch_each("clip_values", clip_values_each, y.size, x, y, limit);
}

void clip_norm(View<const float> x, View<const float> squares, View<float> y, float limit) {
  launch_each("clip_norm", clip_norm_each, y.size, x, squares, y, limit);
}

void moving_average(View<const float> value, View<float> average, float momentum) {
  launch_each("moving_average", moving_average_each, average.size, value, average, momentum);
}

void sgd_update(View<const float> gradient, View<const float> state, View<float> w, View<float> velocity,
                SgdSettings settings) {
  launch_each("sgd_update", sgd_update_each, w.size, gradient, state, w, velocity, settings);
}

void rmsprop_update(View<const float> gradient, View<const float> state, View<float> w, View<float> square,
                    View<float> mean, View<float> velocity, RmspropSettings settings) {
  launch_each("rmsprop_update", rmsprop_update_each, w.size, gradient, state, w, square, mean, velocity, settings,
              decay(settings.rho));
}

void adam_update(View<const float> gradient, View<const float> state, View<float> w, View<float> first,
                 View<float> second, View<float> second_maximum, AdamSettings settings) {
  launch_each("adam_update", adam_update_each, w.size, gradient, state, w, first, second, second_maximum, settings,
              decay(settings.beta_1), decay(settings.beta_2));
}

}  // namespace mien::kernels::MIEN_CUDA_NAMESPACE
