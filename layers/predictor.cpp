#include "mien/layers/predictor.h"

#include "mien/kernels/error.h"

namespace mien {

std::vector<Tensor> Predictor::operator()(const std::vector<Tensor>& inputs) const {
  const NoGrad no_grad;
  return run(*plan_, inputs, {});
}

Tensor Predictor::operator()(const Tensor& input) const {
  std::vector<Tensor> outputs = (*this)(std::vector<Tensor>{input});
  check(outputs.size() == 1, "predictor", "the network has ", outputs.size(),
        " outputs: call it with a list of inputs.");
  return outputs[0];
}

Predictor compile(const Model& model) {
  check(model.is_initialized(), "compile", "the network has no weights yet.");
  return Predictor(prepare(fuse(fold(model.unfused_plan()))));
}

Predictor compile(Sequential& model, const Shape& input_shape) {
  if (!model.is_built()) model.build(input_shape, 0);
  check(model.input_shapes()[0] == input_shape, "compile", "the network was built for inputs of shape ",
        model.input_shapes()[0], ". Got ", input_shape, ".");
  return compile(static_cast<const Model&>(model));
}

}  // namespace mien
