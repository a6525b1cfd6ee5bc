// The optimizers' steps, as Keras 3 defines them, in float32. One pass over the weight, its gradient and its moments.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/optimizer.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <cmath>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// Calls step(d, i) for all vectors of `size` elements.
template <class Step>
void step_through(std::int64_t size, const Step& step) {
  parallel_elements(size, [&](std::int64_t begin, std::int64_t end) HWY_ATTR { for_each_vector(begin, end, step); });
}

/// from + (to - from) * share: how a moment follows the gradient.
template <class V>
HWY_INLINE V moved(V from, V to, V share) {
  return hn::MulAdd(hn::Sub(to, from), share, from);
}

/// The weights after their decay.
template <class D>
HWY_INLINE hn::Vec<D> decayed(D d, const float* w, float decay) {
  const auto weight = hn::LoadU(d, w);
  return hn::NegMulAdd(weight, hn::Set(d, decay), weight);
}

void sgd_step(const float* gradient, float learning_rate, float* w, std::int64_t size, float* velocity,
              SgdSettings settings) {
  const float decay = settings.weight_decay * learning_rate;
  step_through(size, [=](auto d, std::int64_t i) HWY_ATTR {
    const auto weight = decayed(d, w + i, decay);
    const auto step = hn::Mul(hn::Set(d, learning_rate), hn::LoadU(d, gradient + i));
    if (settings.momentum == 0.0f) {
      hn::StoreU(hn::Sub(weight, step), d, w + i);
      return;
    }
    const auto momentum = hn::Set(d, settings.momentum);
    const auto speed = hn::MulSub(momentum, hn::LoadU(d, velocity + i), step);
    hn::StoreU(speed, d, velocity + i);
    const auto change = settings.nesterov ? hn::MulSub(momentum, speed, step) : speed;
    hn::StoreU(hn::Add(weight, change), d, w + i);
  });
}

void rmsprop_step(const float* gradient, float learning_rate, float* w, std::int64_t size, float* square, float* mean,
                  float* velocity, RmspropSettings settings) {
  const float decay = settings.weight_decay * learning_rate;
  const float rho = static_cast<float>(settings.rho), rest = static_cast<float>(1.0 - settings.rho);
  step_through(size, [=](auto d, std::int64_t i) HWY_ATTR {
    const auto keep = hn::Set(d, rho), take = hn::Set(d, rest), slope = hn::LoadU(d, gradient + i);
    const auto squares = hn::MulAdd(keep, hn::LoadU(d, square + i), hn::Mul(take, hn::Mul(slope, slope)));
    hn::StoreU(squares, d, square + i);
    auto spread = squares;
    if (settings.centered) {
      const auto center = hn::MulAdd(keep, hn::LoadU(d, mean + i), hn::Mul(take, slope));
      hn::StoreU(center, d, mean + i);
      spread = hn::NegMulAdd(center, center, squares);
    }
    const auto root = hn::Sqrt(hn::Add(spread, hn::Set(d, settings.epsilon)));
    auto step = hn::Div(hn::Mul(hn::Set(d, learning_rate), slope), root);
    if (settings.momentum > 0.0f) {
      step = hn::MulAdd(hn::Set(d, settings.momentum), hn::LoadU(d, velocity + i), step);
      hn::StoreU(step, d, velocity + i);
    }
    hn::StoreU(hn::Sub(decayed(d, w + i, decay), step), d, w + i);
  });
}

/// `rate` holds the bias corrections: learning rate * sqrt(1 - beta_2^t) / (1 - beta_1^t).
void adam_step(const float* gradient, float learning_rate, float rate, float* w, std::int64_t size, float* first,
               float* second, float* second_maximum, AdamSettings settings) {
  const float decay = settings.weight_decay * learning_rate;
  const float first_share = static_cast<float>(1.0 - settings.beta_1);
  const float second_share = static_cast<float>(1.0 - settings.beta_2);
  step_through(size, [=](auto d, std::int64_t i) HWY_ATTR {
    const auto slope = hn::LoadU(d, gradient + i);
    const auto m = moved(hn::LoadU(d, first + i), slope, hn::Set(d, first_share));
    auto v = moved(hn::LoadU(d, second + i), hn::Mul(slope, slope), hn::Set(d, second_share));
    hn::StoreU(m, d, first + i);
    hn::StoreU(v, d, second + i);
    if (settings.amsgrad) {
      const auto largest = hn::LoadU(d, second_maximum + i);
      v = hn::IfThenElse(hn::Or(hn::Gt(v, largest), hn::IsNaN(v)), v, largest);
      hn::StoreU(v, d, second_maximum + i);
    }
    const auto step = hn::Div(hn::Mul(m, hn::Set(d, rate)), hn::Add(hn::Sqrt(v), hn::Set(d, settings.epsilon)));
    hn::StoreU(hn::Sub(decayed(d, w + i, decay), step), d, w + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(sgd_step);
HWY_EXPORT(rmsprop_step);
HWY_EXPORT(adam_step);

void sgd_update(View<const float> gradient, View<const float> state, View<float> w, View<float> velocity,
                SgdSettings settings) {
  if (state[state_finite] == 0.0f) return;
  instruction_set();
  HWY_DYNAMIC_DISPATCH(sgd_step)
  (gradient.data, state[state_learning_rate], w.data, w.size, velocity.data, settings);
}

void rmsprop_update(View<const float> gradient, View<const float> state, View<float> w, View<float> square,
                    View<float> mean, View<float> velocity, RmspropSettings settings) {
  if (state[state_finite] == 0.0f) return;
  instruction_set();
  HWY_DYNAMIC_DISPATCH(rmsprop_step)
  (gradient.data, state[state_learning_rate], w.data, w.size, square.data, mean.data, velocity.data, settings);
}

void adam_update(View<const float> gradient, View<const float> state, View<float> w, View<float> first,
                 View<float> second, View<float> second_maximum, AdamSettings settings) {
  if (state[state_finite] == 0.0f) return;
  instruction_set();
  const float learning_rate = state[state_learning_rate];
  const float rate = learning_rate * std::sqrt(state[state_bias_second]) / state[state_bias_first];
  HWY_DYNAMIC_DISPATCH(adam_step)
  (gradient.data, learning_rate, rate, w.data, w.size, first.data, second.data, second_maximum.data, settings);
}

}  // namespace mien::kernels::cpu
#endif
