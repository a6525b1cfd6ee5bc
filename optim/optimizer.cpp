// Binding, clipping and the bookkeeping of a step. Everything that a step's kernels read which changes from step to
// step stands in one small tensor on the device (OptimizerState), so that the kernels' arguments never change.
#include "mien/optim/optimizer.h"

#include <cmath>
#include <limits>
#include <utility>

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/ops/affine.h"
#include "mien/core/ops/binary.h"

namespace mien {

namespace {

const Tensor& constant(const Tensor& tensor) { return tensor; }

std::string slot_name(const std::string& slot, std::size_t weight) { return join(slot, "/", weight); }

}  // namespace

namespace optimizer_checks {

void at_least_zero(const std::string& where, const char* name, double value) {
  check(value >= 0 && value <= std::numeric_limits<float>::max(), where, name,
        " must be a finite number, at least 0. Got ", value, ".");
}

void above_zero(const std::string& where, const char* name, double value) {
  check(static_cast<float>(value) > 0 && value <= std::numeric_limits<float>::max(), where, name,
        " must be a finite number above 0. Got ", value, ".");
}

void from_zero_to_one(const std::string& where, const char* name, double value) {
  check(value >= 0 && value <= 1, where, name, " must lie between 0 and 1. Got ", value, ".");
}

void from_zero_below_one(const std::string& where, const char* name, double value) {
  check(value >= 0 && static_cast<float>(value) < 1, where, name, " must be at least 0 and below 1. Got ", value, ".");
}

}  // namespace optimizer_checks

void UpdateRule::prepare(std::int64_t, std::vector<float>&) const {}

Optimizer::Optimizer(std::shared_ptr<const UpdateRule> rule, OptimizerOptions options)
    : rule_(std::move(rule)), options_(std::move(options)) {
  const std::string where = name();
  optimizer_checks::at_least_zero(where, "learning_rate", options_.learning_rate);
  optimizer_checks::at_least_zero(where, "clipnorm", options_.clipnorm);
  optimizer_checks::at_least_zero(where, "global_clipnorm", options_.global_clipnorm);
  optimizer_checks::at_least_zero(where, "clipvalue", options_.clipvalue);
  optimizer_checks::from_zero_below_one(where, "average.momentum", options_.average.momentum);
  const int ways = (options_.clipnorm > 0) + (options_.global_clipnorm > 0) + (options_.clipvalue > 0);
  check(ways <= 1, where,
        "only one of clipnorm, global_clipnorm and clipvalue can be set. Got clipnorm=", options_.clipnorm,
        ", global_clipnorm=", options_.global_clipnorm, ", clipvalue=", options_.clipvalue, ".");
}

Optimizer::Optimizer(const Optimizer& other) : rule_(other.rule_), options_(other.options_) {}

Optimizer& Optimizer::operator=(const Optimizer& other) {
  if (this != &other) *this = Optimizer(other);
  return *this;
}

std::vector<std::string> Optimizer::slot_names() const {
  std::vector<std::string> names = rule_->slots();
  if (options_.average.momentum > 0) names.push_back("average");
  return names;
}

void Optimizer::bind(std::vector<Tensor> weights, std::vector<bool> excluded_from_decay) {
  check(excluded_from_decay.empty() || excluded_from_decay.size() == weights.size(), name(),
        "excluded_from_decay must name every weight or none. Got ", excluded_from_decay.size(), " for ", weights.size(),
        " weights.");
  std::vector<Bound> bound;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    Tensor& weight = weights[i];
    check_float(name().c_str(), "a weight", weight);
    check_same_device(name().c_str(), {&weights[0], &weight});
    for (const Bound& other : bound)
      check(constant(other.weight).view().data != constant(weight).view().data, name(),
            "every weight can be bound once. Got weight ", i, " twice.");
    bound.push_back({weight, excluded_from_decay.empty() || !excluded_from_decay[i], {}});
    for (std::size_t slot = 0; slot < slot_names().size(); ++slot)
      bound.back().slots.push_back(Tensor::zeros(weight.shape(), weight.device()));
  }
  bound_ = std::move(bound);
  state_ = bound_.empty() ? Tensor() : Tensor::zeros({optimizer_state_size}, bound_[0].weight.device());
  iterations_ = 0;
  is_bound_ = last_step_finite_ = true;
}

double Optimizer::learning_rate() const {
  return options_.schedule ? static_cast<double>(options_.schedule(iterations_)) : options_.learning_rate;
}

void Optimizer::set_learning_rate(double learning_rate) {
  check(!options_.schedule, name(), "the learning rate follows a schedule and cannot be set. Got ", learning_rate, ".");
  optimizer_checks::at_least_zero(name(), "learning_rate", learning_rate);
  options_.learning_rate = learning_rate;
}

void Optimizer::write_state() {
  const double rate = learning_rate();
  check(rate >= 0 && rate <= std::numeric_limits<float>::max(), name(),
        "the schedule must give a finite learning rate, at least 0. Got ", rate, " for step ", iterations_, ".");
  std::vector<float> state(optimizer_state_size, 0.0f);
  state[state_learning_rate] = static_cast<float>(rate);
  state[state_step] = static_cast<float>(iterations_ + 1);
  state[state_finite] = 1.0f;
  rule_->prepare(iterations_ + 1, state);
  state_.copy_from_host(state.data(), state.size(), DType::float32);
}

/// The gradients that are there, clipped. The others stay absent.
std::vector<Tensor> Optimizer::clipped(std::vector<Tensor> gradients) const {
  const Device device = state_.device();
  const auto map = [&](const auto& kernel) {
    for (Tensor& gradient : gradients) {
      if (!gradient.defined()) continue;
      Tensor y = Tensor::empty(gradient.shape(), device);
      kernel(constant(gradient).view(), y.view());
      gradient = y;
    }
  };
  if (options_.clipvalue > 0) {
    const auto limit = static_cast<float>(options_.clipvalue);
    map([&](View<const float> x, View<float> y) { kernels::clip_values(device)(x, y, limit); });
  }
  if (options_.clipnorm > 0) {
    const auto limit = static_cast<float>(options_.clipnorm);
    Tensor squares = Tensor::empty({1}, device);
    map([&](View<const float> x, View<float> y) {
      kernels::sum_of_squares(device)(x, squares.view());
      kernels::clip_norm(device)(x, squares.view(), y, limit);
    });
  }
  if (options_.global_clipnorm > 0) {
    const auto limit = static_cast<float>(options_.global_clipnorm);
    const auto count = static_cast<std::int64_t>(gradients.size());
    Tensor each = Tensor::zeros({count}, device), total = Tensor::empty({1}, device);
    for (std::int64_t i = 0; i < count; ++i) {
      const Tensor& gradient = gradients[static_cast<std::size_t>(i)];
      if (gradient.defined()) kernels::sum_of_squares(device)(gradient.view(), each.slice(i, i + 1).view());
    }
    kernels::reduce_sum(device)(each.view(), total.view(), {.axes = 1, .extent = {count}, .reduced = {true}});
    map([&](View<const float> x, View<float> y) { kernels::clip_norm(device)(x, total.view(), y, limit); });
  }
  return gradients;
}

void Optimizer::step() {
  check(is_bound_, name(), "bind() the weights before the first step().");
  if (bound_.empty()) {
    ++iterations_;
    return;
  }
  std::vector<Tensor> gradients;
  bool any = false;
  for (const Bound& bound : bound_) {
    gradients.push_back(bound.weight.grad());
    any |= gradients.back().defined();
  }
  check(any, name(), "none of the ", bound_.size(), " weights has a gradient: backward() comes before step().");
  write_state();
  for (const Tensor& gradient : gradients)
    if (gradient.defined()) kernels::note_finite(state_.device())(gradient.view(), state_.view());
  gradients = clipped(std::move(gradients));
  for (std::size_t i = 0; i < bound_.size(); ++i)
    if (gradients[i].defined())
      rule_->update(gradients[i], state_, bound_[i].weight, bound_[i].slots, bound_[i].decays);
  last_step_finite_ = state_.to_vector()[state_finite] != 0.0f;
  if (!last_step_finite_) return;
  if (options_.average.momentum > 0) update_averages();
  ++iterations_;
}

void Optimizer::update_averages() {
  const auto momentum = static_cast<float>(iterations_ == 0 ? 0 : options_.average.momentum);
  const NoGrad no_grad;
  for (Bound& bound : bound_) {
    const Tensor weight = bound.weight.detach();
    Tensor& average = bound.slots.back();
    average.copy_from(momentum == 0 ? weight : add(affine(average, momentum), affine(weight, 1 - momentum)));
  }
}

void Optimizer::swap_averages() {
  check(has_averages(), name(), "there are no running means of the weights: none are asked for, or no step was taken.");
  for (Bound& bound : bound_) {
    const Tensor weight = bound.weight.clone();
    bound.weight.copy_from(bound.slots.back());
    bound.slots.back().copy_from(weight);
  }
}

std::vector<NamedTensor> Optimizer::state() const {
  const std::vector<std::string> names = slot_names();
  std::vector<NamedTensor> state;
  for (std::size_t i = 0; i < bound_.size(); ++i)
    for (std::size_t slot = 0; slot < names.size(); ++slot)
      state.push_back({slot_name(names[slot], i), bound_[i].slots[slot].clone()});
  return state;
}

void Optimizer::load_state(const std::vector<NamedTensor>& state, double learning_rate, std::int64_t iterations) {
  check(is_bound_, name(), "bind() the weights before load_state().");
  check(iterations >= 0, name(), "iterations must be at least 0. Got ", iterations, ".");
  if (!options_.schedule) optimizer_checks::at_least_zero(name(), "learning_rate", learning_rate);
  const std::vector<std::string> names = slot_names();
  std::vector<std::pair<Tensor, Tensor>> copies;  // to, from
  for (std::size_t i = 0; i < bound_.size(); ++i)
    for (std::size_t slot = 0; slot < names.size(); ++slot) {
      const std::string wanted = slot_name(names[slot], i);
      const Tensor found = find(state, wanted), &own = bound_[i].slots[slot];
      check(found.defined(), name(), "the saved state lacks ", wanted, ".");
      check(found.shape() == own.shape() && found.dtype() == own.dtype(), name(), "the saved ", wanted, " is ",
            found.dtype(), " ", found.shape(), ", expected ", own.dtype(), " ", own.shape(), ".");
      copies.emplace_back(own, found);
    }
  check(state.size() == copies.size(), name(), "the saved state must hold ", copies.size(),
        " tensors for these weights. Got ", state.size(), ".");
  for (auto& [to, from] : copies) to.copy_from(from);
  if (!options_.schedule) options_.learning_rate = learning_rate;
  iterations_ = iterations;
  last_step_finite_ = true;
}

}  // namespace mien
