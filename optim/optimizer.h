// What all optimizers share: the weights they are bound to, their slots (moments and the like), clipping, the learning
// rate, and a step that is refused as a whole where a gradient is not finite. The arithmetic of each is an UpdateRule.
//
//   Adam adam(1e-3);
//   adam.bind(weights);
//   backward(loss);
//   adam.step();  // then clear_grad() on the weights
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mien/core/named_tensor.h"
#include "mien/optim/schedule.h"

namespace mien {

/// The arithmetic of one optimizer. Holds settings only, never changes, and so may be shared by many.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual std::string name() const = 0;
  /// Names of the tensors that it keeps for each weight, of the weight's shape and zero at first.
  virtual std::vector<std::string> slots() const = 0;
  /// Fills in what else the kernel reads from `state` (OptimizerState in kernels/settings.h) in this step, from 1.
  virtual void prepare(std::int64_t step, std::vector<float>& state) const;
  /// Takes the step for one weight, where the device's state says that it is good. `decays`: not excluded from weight
  /// decay. `slots` stand in the order of slots().
  virtual void update(const Tensor& gradient, const Tensor& state, Tensor& weight, std::vector<Tensor>& slots,
                      bool decays) const = 0;
};

/// A running mean of each weight over the steps (Polyak and Juditsky, 1992), as Keras's use_ema keeps it: after the
/// first step the weight itself, then mean = momentum * mean + (1 - momentum) * weight.
struct WeightAverage {
  double momentum = 0;  ///< 0: no mean is kept. 0.99 looks back about 100 steps
};

/// The settings that every optimizer has. At most one way of clipping can be chosen; 0 is off.
struct OptimizerOptions {
  double learning_rate = 1e-3;
  double clipnorm = 0;         ///< each weight's gradient is shortened to this Euclidean norm
  double global_clipnorm = 0;  ///< all gradients together are
  double clipvalue = 0;        ///< every element is brought into [-clipvalue, clipvalue]
  Schedule schedule = {};      ///< decides the learning rate, where there is one
  WeightAverage average = {};
};

/// Moves weights against their gradients. A value: a copy has the settings and the present learning rate, and is bound
/// to nothing. Adam, AdamW, SGD and RMSprop (adam.h, sgd.h, rmsprop.h) are Optimizers.
class Optimizer {
 public:
  /// Throws Error where a setting is out of its range.
  Optimizer(std::shared_ptr<const UpdateRule> rule, OptimizerOptions options);
  Optimizer(const Optimizer& other);
  Optimizer& operator=(const Optimizer& other);
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;
  ~Optimizer() = default;

  std::string name() const { return rule_->name(); }

  /// From now on step() moves these weights: float32, on one device, each once. The slots start at zero, on that
  /// device; iterations() at 0. `excluded_from_decay`: per weight, whether weight decay leaves it alone.
  void bind(std::vector<Tensor> weights, std::vector<bool> excluded_from_decay = {});

  /// Moves every weight that has a gradient. Where some gradient is not finite nothing changes, the step does not count
  /// as an iteration, and last_step_finite() says so.
  void step();
  bool last_step_finite() const { return last_step_finite_; }
  /// Steps taken since bind().
  std::int64_t iterations() const { return iterations_; }

  /// The rate that the next step will use.
  double learning_rate() const;
  /// Throws Error where a schedule decides the rate.
  void set_learning_rate(double learning_rate);

  /// Whether running means of the weights are kept (WeightAverage) and there has been a step to take them from.
  bool has_averages() const { return options_.average.momentum > 0 && iterations_ > 0; }
  /// Exchanges every weight with its running mean, in place: called again, it brings back both to the bit. No step()
  /// may come between. Throws Error unless has_averages().
  void swap_averages();

  /// Copies of the slots, named "momentum/0": slot and number of the weight; running means are the slot "average".
  std::vector<NamedTensor> state() const;
  /// Goes on to the bit where state(), learning_rate() and iterations() were taken. Throws Error, and changes nothing,
  /// where a slot is missing, unknown or of another shape.
  void load_state(const std::vector<NamedTensor>& state, double learning_rate, std::int64_t iterations);

 protected:
  /// The shared part of an optimizer's own options.
  template <class Options>
  static OptimizerOptions shared(const Options& options) {
    return {options.learning_rate, options.clipnorm, options.global_clipnorm,
            options.clipvalue,     options.schedule, options.average};
  }

 private:
  struct Bound {
    Tensor weight;
    bool decays = true;
    std::vector<Tensor> slots;  // those of the rule, then the running mean, where one is kept
  };

  std::vector<std::string> slot_names() const;
  void write_state();
  void update_averages();
  std::vector<Tensor> clipped(std::vector<Tensor> gradients) const;

  std::shared_ptr<const UpdateRule> rule_;
  OptimizerOptions options_;  // learning_rate: the present one
  std::vector<Bound> bound_;
  Tensor state_;  // on the weights' device
  std::int64_t iterations_ = 0;
  bool is_bound_ = false, last_step_finite_ = true;
};

namespace optimizer_checks {
/// Each throws Error unless the setting lies in its range, as the float32 that the kernels take.
void at_least_zero(const std::string& where, const char* name, double value);  ///< and finite
void above_zero(const std::string& where, const char* name, double value);     ///< and finite
void from_zero_to_one(const std::string& where, const char* name, double value);
void from_zero_below_one(const std::string& where, const char* name, double value);
}  // namespace optimizer_checks

}  // namespace mien
