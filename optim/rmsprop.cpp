// The settings of RMSprop, checked once, and the call of its kernel.
#include "mien/optim/rmsprop.h"

#include "mien/kernels/kernels.h"

namespace mien {

namespace {

class RMSpropRule : public UpdateRule {
 public:
  explicit RMSpropRule(RmspropSettings settings) : settings_(settings) {}

  std::string name() const override { return "RMSprop"; }

  std::vector<std::string> slots() const override {
    std::vector<std::string> names{"square"};
    if (settings_.centered) names.push_back("mean");
    if (settings_.momentum > 0) names.push_back("velocity");
    return names;
  }

  void update(const Tensor& gradient, const Tensor& state, Tensor& weight, std::vector<Tensor>& slots,
              bool decays) const override {
    RmspropSettings settings = settings_;
    if (!decays) settings.weight_decay = 0;
    kernels::rmsprop_update(weight.device())(gradient.view(), state.view(), weight.view(), slots[0].view(),
                                             settings.centered ? slots[1].view() : View<float>{},
                                             settings.momentum > 0 ? slots.back().view() : View<float>{}, settings);
  }

 private:
  RmspropSettings settings_;
};

std::shared_ptr<const UpdateRule> make_rule(const RMSpropOptions& options) {
  optimizer_checks::from_zero_below_one("RMSprop", "rho", options.rho);
  optimizer_checks::from_zero_to_one("RMSprop", "momentum", options.momentum);
  optimizer_checks::above_zero("RMSprop", "epsilon", options.epsilon);
  optimizer_checks::at_least_zero("RMSprop", "weight_decay", options.weight_decay);
  return std::make_shared<RMSpropRule>(RmspropSettings{.rho = options.rho,
                                                       .momentum = static_cast<float>(options.momentum),
                                                       .epsilon = static_cast<float>(options.epsilon),
                                                       .centered = options.centered,
                                                       .weight_decay = static_cast<float>(options.weight_decay)});
}

}  // namespace

RMSprop::RMSprop(double learning_rate) : RMSprop(RMSpropOptions{.learning_rate = learning_rate}) {}
RMSprop::RMSprop(const RMSpropOptions& options) : Optimizer(make_rule(options), shared(options)) {}

}  // namespace mien
