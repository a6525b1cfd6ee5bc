// The settings of Adam and AdamW, checked once, and the call of their kernel.
#include "mien/optim/adam.h"

#include <cmath>

#include "mien/kernels/kernels.h"

namespace mien {

namespace {

class AdamRule : public UpdateRule {
 public:
  AdamRule(std::string name, AdamSettings settings) : name_(std::move(name)), settings_(settings) {}

  std::string name() const override { return name_; }

  std::vector<std::string> slots() const override {
    std::vector<std::string> names{"momentum", "velocity"};
    if (settings_.amsgrad) names.push_back("velocity_maximum");
    return names;
  }

  /// The bias corrections in float32, from the rounded rates, as Keras has them.
  void prepare(std::int64_t step, std::vector<float>& state) const override {
    const auto correction = [&](double beta) {
      return 1.0f - std::pow(static_cast<float>(beta), static_cast<float>(step));
    };
    state[state_bias_first] = correction(settings_.beta_1);
    state[state_bias_second] = correction(settings_.beta_2);
  }

  void update(const Tensor& gradient, const Tensor& state, Tensor& weight, std::vector<Tensor>& slots,
              bool decays) const override {
    AdamSettings settings = settings_;
    if (!decays) settings.weight_decay = 0;
    kernels::adam_update(weight.device())(gradient.view(), state.view(), weight.view(), slots[0].view(),
                                          slots[1].view(), settings.amsgrad ? slots[2].view() : View<float>{},
                                          settings);
  }

 private:
  std::string name_;
  AdamSettings settings_;
};

template <class Options>
std::shared_ptr<const UpdateRule> make_rule(const char* name, const Options& options) {
  optimizer_checks::from_zero_below_one(name, "beta_1", options.beta_1);
  optimizer_checks::from_zero_below_one(name, "beta_2", options.beta_2);
  optimizer_checks::above_zero(name, "epsilon", options.epsilon);
  optimizer_checks::at_least_zero(name, "weight_decay", options.weight_decay);
  return std::make_shared<AdamRule>(name, AdamSettings{.beta_1 = options.beta_1,
                                                       .beta_2 = options.beta_2,
                                                       .epsilon = static_cast<float>(options.epsilon),
                                                       .amsgrad = options.amsgrad,
                                                       .weight_decay = static_cast<float>(options.weight_decay)});
}

}  // namespace

Adam::Adam(double learning_rate) : Adam(AdamOptions{.learning_rate = learning_rate}) {}
Adam::Adam(const AdamOptions& options) : Optimizer(make_rule("Adam", options), shared(options)) {}

AdamW::AdamW(double learning_rate) : AdamW(AdamWOptions{.learning_rate = learning_rate}) {}
AdamW::AdamW(const AdamWOptions& options) : Optimizer(make_rule("AdamW", options), shared(options)) {}

}  // namespace mien
