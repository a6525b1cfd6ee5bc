#include "mien/bench/kernel_case.h"

#include <memory>

#include "mien/core/random.h"

namespace mien::bench {
namespace {

double bytes_of(const Shape& shape) { return static_cast<double>(shape.size()) * sizeof(float); }

std::vector<Tensor> random_inputs(const std::vector<Shape>& shapes, bool with_gradients) {
  std::vector<Tensor> tensors;
  for (const Shape& shape : shapes) {
    tensors.push_back(random_tensor(shape));
    if (with_gradients) tensors.back().set_requires_grad(true);
  }
  return tensors;
}

}  // namespace

Tensor random_tensor(const Shape& shape, float low, float high) {
  // A period of a prime length that no shape divides, repeated: drawing every number would take longer than the work.
  constexpr std::size_t period = 65537;
  Random random(1, Purpose::test);
  std::vector<float> drawn(period);
  for (float& value : drawn) value = random.uniform(low, high);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = drawn[i % period];
  return Tensor::from(values, shape);
}

Work backward_work(const Tensor& y) {
  check(y.requires_grad() && y.node()->rule, "bench", "the op has recorded no rule.");
  return [y, dy = random_tensor(y.shape())] {
    const NoGrad no_grad;
    Backward back(*y.node(), dy);
    y.node()->rule(back);
  };
}

void add_op_cases(std::vector<KernelCase>& cases, const std::string& name, const std::vector<Shape>& inputs,
                  const Op& op, double multiply_adds) {
  double in = 0;
  for (const Shape& shape : inputs) in += bytes_of(shape);
  Shape y_shape;
  {
    const NoGrad no_grad;
    y_shape = op(random_inputs(inputs, false)).shape();
  }
  const double out = bytes_of(y_shape);
  cases.push_back({name + "/forward", {multiply_adds, in, out}, [=]() -> Work {
                     return [tensors = random_inputs(inputs, false), op] {
                       const NoGrad no_grad;
                       op(tensors);
                     };
                   }});
  cases.push_back({name + "/backward", {multiply_adds * static_cast<double>(inputs.size()), out, in}, [=] {
                     return backward_work(op(random_inputs(inputs, true)));
                   }});
}

}  // namespace mien::bench
