#include "mien/layers/predictor.h"

#include <algorithm>

#include "mien/kernels/error.h"

namespace mien {
namespace {

/// What a step reads and writes stays in a processor's last cache up to about here. Leading steps that exceed it are
/// run for a few pictures at a time, as many as fill a part of it.
constexpr std::int64_t cache_bytes = 16 << 20, slice_bytes = 6 << 20;

/// What a step reads and writes for one picture.
std::int64_t picture_bytes(const Plan& plan, const Step& step) {
  std::int64_t size = step.shape.size();
  for (const int value : step.inputs) size += plan.shape_of(value).size();
  return size * static_cast<std::int64_t>(sizeof(float));
}

/// How many leading steps exceed the cache, and after them no value is read but the output of the last one.
std::size_t count_sliced_steps(const Plan& plan, std::int64_t batch) {
  if (plan.inputs.size() != 1) return 0;
  std::vector<std::size_t> last_reader(plan.inputs.size() + plan.steps.size(), 0);
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    for (const int value : plan.steps[i].inputs) last_reader[static_cast<std::size_t>(value)] = i;
  for (const int value : plan.outputs) last_reader[static_cast<std::size_t>(value)] = plan.steps.size();
  std::size_t sliced = 0, still_read = last_reader[0];
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (batch * picture_bytes(plan, plan.steps[i]) <= cache_bytes) break;
    if (still_read <= i) sliced = i + 1;
    still_read = std::max(still_read, last_reader[static_cast<std::size_t>(plan.value_of_step(i))]);
  }
  return sliced;
}

/// The first `count` steps, of which the last gives the only output.
Plan head(const Plan& plan, std::size_t count) {
  return {plan.inputs,
          {plan.steps.begin(), plan.steps.begin() + static_cast<std::ptrdiff_t>(count)},
          {plan.value_of_step(count - 1)}};
}

/// What follows them, with their output as the only input.
Plan tail(const Plan& plan, std::size_t count) {
  Plan rest{{plan.steps[count - 1].shape},
            {plan.steps.begin() + static_cast<std::ptrdiff_t>(count), plan.steps.end()},
            plan.outputs};
  const int first = plan.value_of_step(count - 1);
  for (Step& step : rest.steps)
    for (int& value : step.inputs) value -= first;
  for (int& value : rest.outputs) value -= first;
  return rest;
}

}  // namespace

std::vector<Tensor> Predictor::operator()(const std::vector<Tensor>& inputs) const {
  const NoGrad no_grad;
  const bool on_cpu = !inputs.empty() && inputs[0].defined() && inputs[0].device() == Device::cpu;
  const std::int64_t batch = on_cpu && inputs[0].shape().rank() > 0 ? inputs[0].shape()[0] : 0;
  const std::size_t sliced = count_sliced_steps(*plan_, batch);
  if (sliced == 0) return run(*plan_, inputs, {});
  const Plan first = head(*plan_, sliced);
  std::int64_t most = 1;
  for (const Step& step : first.steps) most = std::max(most, picture_bytes(first, step));
  const std::int64_t pictures = std::max<std::int64_t>(1, slice_bytes / most);
  Tensor values = Tensor::empty(first.steps.back().shape.with_batch(batch));
  for (std::int64_t begin = 0; begin < batch; begin += pictures) {
    const std::int64_t end = std::min(batch, begin + pictures);
    const Tensor slice = run(first, {inputs[0].slice(begin, end)}, {})[0];
    Tensor to = values.slice(begin, end);
    kernels::copy(Device::cpu)(slice.view().data, to.view().data,
                               static_cast<std::size_t>(slice.size()) * sizeof(float));
  }
  return run(tail(*plan_, sliced), {values}, {});
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
