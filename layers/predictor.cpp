#include "mien/layers/predictor.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/error.h"

namespace mien {
namespace {

/// Weights of a step, as prepared, that leave room for pictures in the second cache of a core.
constexpr std::int64_t most_weights = (std::int64_t{512} << 10) / static_cast<std::int64_t>(sizeof(float));

/// How many leading steps have so few weights that pictures may pass them one by one; after them, no value is read but
/// the output of the last one.
std::size_t count_picture_steps(const Plan& plan) {
  if (plan.inputs.size() != 1) return 0;
  std::vector<std::size_t> last_reader(plan.inputs.size() + plan.steps.size(), 0);
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    for (const int value : plan.steps[i].inputs) last_reader[static_cast<std::size_t>(value)] = i;
  for (const int value : plan.outputs) last_reader[static_cast<std::size_t>(value)] = plan.steps.size();
  std::size_t count = 0, still_read = last_reader[0];
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.shape.rank() < 3 || (step.prepared.defined() && step.prepared.size() > most_weights)) break;
    if (still_read <= i) count = i + 1;
    still_read = std::max(still_read, last_reader[static_cast<std::size_t>(plan.value_of_step(i))]);
  }
  return count;
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

/// Runs a plan of one output picture by picture, each picture on one thread from beginning to end.
Tensor run_pictures(const Plan& plan, const Tensor& pictures) {
  const std::int64_t batch = pictures.shape()[0];
  Tensor values = Tensor::empty(plan.shape_of(plan.outputs[0]).with_batch(batch));
  std::exception_ptr failure;  // no exception may leave a parallel loop
  std::mutex failing;
  kernels::cpu::parallel_for(batch, [&](std::int64_t i) {
    try {
      const NoGrad no_grad;
      const Tensor value = run(plan, {pictures.slice(i, i + 1)}, {})[0];
      std::copy_n(value.view().data, value.size(), values.slice(i, i + 1).view().data);
    } catch (...) {
      const std::lock_guard lock(failing);
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
  return values;
}

}  // namespace

struct Predictor::Compiled {
  Plan plan;
  Plan by_picture, rest;  ///< the plan in two parts; the first is empty where it cannot be parted
};

Predictor::Predictor(Plan plan) {
  Compiled compiled{std::move(plan), {}, {}};
  if (const std::size_t count = count_picture_steps(compiled.plan); count > 0) {
    compiled.by_picture = head(compiled.plan, count);
    compiled.rest = tail(compiled.plan, count);
  }
  compiled_ = std::make_shared<const Compiled>(std::move(compiled));
}

const Plan& Predictor::plan() const { return compiled_->plan; }

std::vector<Tensor> Predictor::operator()(const std::vector<Tensor>& inputs) const {
  const NoGrad no_grad;
  // Where every thread has a few pictures, it takes one at a time through the layers of few weights: what lies between
  // two of them then stays in its core's cache.
  constexpr int pictures_a_thread = 4;
  const bool many = inputs.size() == 1 && inputs[0].defined() && inputs[0].device() == Device::cpu &&
                    inputs[0].shape().rank() > 0 &&
                    inputs[0].shape()[0] >= std::int64_t{pictures_a_thread} * omp_get_max_threads();
  if (!many || compiled_->by_picture.steps.empty()) return run(compiled_->plan, inputs, {});
  return run(compiled_->rest, {run_pictures(compiled_->by_picture, inputs[0])}, {});
}

Tensor Predictor::operator()(const Tensor& input) const {
  std::vector<Tensor> outputs = (*this)(std::vector<Tensor>{input});
  check(outputs.size() == 1, "predictor", "the network has ", outputs.size(),
        " outputs: call it with a list of inputs.");
  return outputs[0];
}

Predictor compile(const Model& model) {
  check(model.is_initialized(), "compile", "the network has no weights yet.");
  return Predictor(prepare(join(fuse(absorb(fold(expand(model.unfused_plan())))))));
}

Predictor compile(Sequential& model, const Shape& input_shape) {
  if (!model.is_built()) model.build(input_shape, 0);
  check(model.input_shapes()[0] == input_shape, "compile", "the network was built for inputs of shape ",
        model.input_shapes()[0], ". Got ", input_shape, ".");
  return compile(static_cast<const Model&>(model));
}

}  // namespace mien
