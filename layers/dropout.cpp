#include "mien/layers/dropout.h"

#include "mien/core/ops/dropout.h"
#include "mien/core/random.h"
#include "mien/kernels/error.h"
#include "mien/layers/config.h"

namespace mien {
namespace {

class DropoutModule : public Module {
 public:
  DropoutModule(float rate, std::string name) : rate_(rate) {
    check(rate >= 0 && rate < 1, kind(), "the rate must lie in 0 … 1, 1 excluded. Got ", rate, ".");
    set_name(std::move(name));
  }
  std::string kind() const override { return "Dropout"; }
  LayerConfig config() const override { return begin_config().add("rate", rate_); }
  Shape output_shape(const std::vector<Shape>& inputs) const override { return single_input(inputs); }
  Tensor forward(const std::vector<Tensor>& inputs, const Call& call) override {
    if (!call.training || rate_ == 0) return inputs.at(0);
    check(call.step.defined(), name(), "dropout in training needs Call::step, the number of the training step.");
    // Steps count in the lower 40 bits of the stream, layers above them.
    return dropout(inputs.at(0), rate_, call.step, call.seed, stream_of(Purpose::dropout, stream() << 40));
  }
  std::shared_ptr<Module> clone() const override { return std::make_shared<DropoutModule>(*this); }
  bool is_alias() const override { return true; }

 private:
  float rate_;
};

}  // namespace

Dropout::Dropout(float rate, std::string name) : Layer(std::make_shared<DropoutModule>(rate, std::move(name))) {}

}  // namespace mien
