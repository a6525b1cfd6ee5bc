// The settings of SGD, checked once, and the call of its kernel.
#include "mien/optim/sgd.h"

#include "mien/kernels/kernels.h"

namespace mien {

namespace {

class SGDRule : public UpdateRule {
 public:
  explicit SGDRule(SgdSettings settings) : settings_(settings) {}

  std::string name() const override { return "SGD"; }

  std::vector<std::string> slots() const override {
    return settings_.momentum == 0 ? std::vector<std::string>{} : std::vector<std::string>{"velocity"};
  }

  void update(const Tensor& gradient, const Tensor& state, Tensor& weight, std::vector<Tensor>& slots,
              bool decays) const override {
    SgdSettings settings = settings_;
    if (!decays) settings.weight_decay = 0;
    kernels::sgd_update(weight.device())(gradient.view(), state.view(), weight.view(),
                                         slots.empty() ? View<float>{} : slots[0].view(), settings);
  }

 private:
  SgdSettings settings_;
};

std::shared_ptr<const UpdateRule> make_rule(const SGDOptions& options) {
  optimizer_checks::from_zero_to_one("SGD", "momentum", options.momentum);
  optimizer_checks::at_least_zero("SGD", "weight_decay", options.weight_decay);
  return std::make_shared<SGDRule>(SgdSettings{.momentum = static_cast<float>(options.momentum),
                                               .nesterov = options.nesterov,
                                               .weight_decay = static_cast<float>(options.weight_decay)});
}

}  // namespace

SGD::SGD(double learning_rate) : SGD(SGDOptions{.learning_rate = learning_rate}) {}
SGD::SGD(const SGDOptions& options) : Optimizer(make_rule(options), shared(options)) {}

}  // namespace mien
