#include "mien/models/explain.h"

#include <algorithm>
#include <cmath>

#include "mien/core/autograd.h"
#include "mien/core/check.h"
#include "mien/core/nearest_name.h"
#include "mien/core/ops/softmax.h"
#include "mien/layers/dense.h"
#include "mien/layers/elementwise.h"

namespace mien {
namespace {

/// Whether a step ends in a softmax, and how.
enum class Ending { logits, softmax_layer, softmax_dense };

Ending ending_of(const Step& step) {
  if (const auto* layer = dynamic_cast<const ActivationModule*>(&*step.layer))
    return layer->activation().kind == ActivationKind::softmax ? Ending::softmax_layer : Ending::logits;
  if (const auto* layer = dynamic_cast<const DenseModule*>(&*step.layer))
    return layer->options().activation.kind == ActivationKind::softmax ? Ending::softmax_dense : Ending::logits;
  return Ending::logits;
}

bool is_convolution(const Layer& layer) { return dynamic_cast<const Conv2DModule*>(&*layer) != nullptr; }

/// Throws unless the plan makes one row of numbers, one a class, of one picture of this shape.
void check_picture(const char* where, const Plan& plan, const Tensor& picture) {
  check(plan.inputs.size() == 1, where, "the network must have one input. Got ", plan.inputs.size(), ".");
  check_float(where, "the picture", picture);
  check(picture.shape() == plan.inputs[0], where, "the picture must have the network's input shape ", plan.inputs[0],
        ". Got ", picture.shape(), ".");
}

/// The number of classes of a network that classifies; throws for others, and unless `label` is one of them.
int check_class(const char* where, const Plan& plan, int label) {
  check(plan.outputs.size() == 1 && plan.shape_of(plan.outputs[0]).rank() == 1, where,
        "the network must have one output, a row of logits.");
  const int classes = narrow(plan.shape_of(plan.outputs[0])[0], where);
  check(label >= 0 && label < classes, where, "classes are 0 … ", classes - 1, ". Got ", label, ".");
  return classes;
}

void check_weights(const char* where, const Model& model) {
  check(model.is_initialized(), where, "the network has no weights yet.");
}

Tensor one_row(const Tensor& picture, Device device) {
  return picture.detach().to(device).with_shape(picture.shape().with_batch(1));
}

Tensor without_batch(const Tensor& value) { return value.detach().to(Device::cpu).with_shape(value.shape().from(1)); }

/// The steps of the layer of that name, or of all convolutions where the name is empty.
std::vector<std::size_t> steps_of(const char* where, const Plan& plan, const std::string& layer) {
  std::vector<std::size_t> found;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    names.push_back(plan.steps[i].layer->name());
    if (layer.empty() ? is_convolution(plan.steps[i].layer) : names.back() == layer) found.push_back(i);
  }
  check(!found.empty() || !layer.empty(), where, "the network has no convolution.");
  check(!found.empty(), where, "there is no layer \"", layer, "\". The nearest name is \"", nearest_name(layer, names),
        "\".");
  return found;
}

/// The step whose output is that of step `index` after its activation.
std::size_t activated(const Plan& plan, std::size_t index) {
  if (dynamic_cast<const ActivationModule*>(&*plan.steps[index].layer)) return index;
  if (const auto* convolution = dynamic_cast<const Conv2DModule*>(&*plan.steps[index].layer))
    if (!(convolution->options().activation == linear)) return index;
  for (std::size_t i = index;;) {
    const int value = plan.value_of_step(i);
    std::vector<std::size_t> readers;
    for (std::size_t k = i + 1; k < plan.steps.size(); ++k)
      for (const int input : plan.steps[k].inputs)
        if (input == value) readers.push_back(k);
    const bool is_output = std::find(plan.outputs.begin(), plan.outputs.end(), value) != plan.outputs.end();
    if (readers.size() != 1 || is_output) return index;
    i = readers[0];
    const Layer& next = plan.steps[i].layer;
    if (dynamic_cast<const ActivationModule*>(&*next)) return ending_of(plan.steps[i]) == Ending::logits ? i : index;
    if (next->kind() != "BatchNormalization") return index;
  }
}

/// The plan up to the logits: without a softmax at its end.
Plan logits_plan(const Plan& plan) {
  const std::size_t inputs = plan.inputs.size();
  const auto last = static_cast<std::size_t>(plan.outputs[0]);
  if (last < inputs) return plan;
  Plan result = plan;
  Step& step = result.steps[last - inputs];
  const Ending ending = ending_of(step);
  if (ending == Ending::softmax_layer) result.outputs = step.inputs;
  if (ending == Ending::softmax_dense) {
    DenseLayerOptions options = static_cast<const DenseModule&>(*step.layer).options();
    options.activation = linear;
    const auto linear_dense = std::make_shared<DenseModule>(narrow(step.shape[-1], "class_gradient"), options);
    linear_dense->build_once(step.layer->built_for());
    for (std::size_t i = 0; i < step.layer->parameters().size(); ++i)
      linear_dense->parameters()[i]->value = step.layer->parameters()[i]->value;
    step.layer = Layer(linear_dense);
  }
  return result;
}

/// The same steps with weights that want no gradient, in the same memory: backward() then leaves the network's alone.
Plan with_constant_weights(Plan plan) {
  for (Step& step : plan.steps) {
    const std::shared_ptr<Module> constant = step.layer->clone();
    for (std::size_t i = 0; i < constant->parameters().size(); ++i)
      constant->parameters()[i]->value = step.layer->parameters()[i]->value.detach();
    step.layer = Layer(constant);
  }
  return plan;
}

/// A map (height, width) stretched to another size: linear between the centres of its cells, constant outside them.
std::vector<float> stretched(const std::vector<float>& map, std::int64_t from_height, std::int64_t from_width,
                             std::int64_t height, std::int64_t width) {
  struct Place {
    std::size_t low, high;
    float share;  // of `high`
  };
  const auto places = [](std::int64_t from, std::int64_t to) {
    std::vector<Place> all;
    for (std::int64_t i = 0; i < to; ++i) {
      const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
      const double inside = std::clamp(centre, 0.0, static_cast<double>(from - 1));
      const auto low = static_cast<std::size_t>(inside);
      all.push_back({low, std::min(low + 1, static_cast<std::size_t>(from - 1)),
                     static_cast<float>(inside - static_cast<double>(low))});
    }
    return all;
  };
  const std::vector<Place> rows = places(from_height, height), columns = places(from_width, width);
  std::vector<float> result;
  result.reserve(static_cast<std::size_t>(height * width));
  for (const Place& row : rows)
    for (const Place& column : columns) {
      const auto at = [&](std::size_t i, std::size_t j) { return map[i * static_cast<std::size_t>(from_width) + j]; };
      const float upper = at(row.low, column.low) * (1 - column.share) + at(row.low, column.high) * column.share;
      const float lower = at(row.high, column.low) * (1 - column.share) + at(row.high, column.high) * column.share;
      result.push_back(upper * (1 - row.share) + lower * row.share);
    }
  return result;
}

/// Where windows start along one side of a picture; the last ends at the border.
std::vector<std::int64_t> window_starts(std::int64_t length, int window, int stride) {
  std::vector<std::int64_t> all;
  for (std::int64_t start = 0; start + window <= length; start += stride) all.push_back(start);
  if (all.back() + window < length) all.push_back(length - window);
  return all;
}

/// What covers each channel.
std::vector<float> cover(const std::vector<float>& picture, std::size_t channels, std::optional<float> fill) {
  std::vector<double> sums(channels);
  for (std::size_t i = 0; i < picture.size(); ++i) sums[i % channels] += picture[i];
  std::vector<float> colours;
  for (const double sum : sums)
    colours.push_back(
        fill.value_or(static_cast<float>(sum * static_cast<double>(channels) / static_cast<double>(picture.size()))));
  return colours;
}

/// The probability of one class for each picture (count, height, width, channels) on the CPU.
std::vector<float> class_probabilities(const Predictor& predictor, const Tensor& pictures, Device device, int label) {
  const NoGrad no_grad;
  const Plan& plan = predictor.plan();
  const auto inputs = static_cast<int>(plan.inputs.size());
  const bool ready = plan.outputs[0] >= inputs &&
                     ending_of(plan.steps[static_cast<std::size_t>(plan.outputs[0] - inputs)]) != Ending::logits;
  const Tensor output = predictor(pictures.to(device));
  const std::vector<float> rows = (ready ? output : softmax(output)).to_vector();
  const auto count = static_cast<std::size_t>(pictures.shape()[0]), classes = rows.size() / count;
  std::vector<float> probabilities;
  for (std::size_t i = 0; i < count; ++i) probabilities.push_back(rows[i * classes + static_cast<std::size_t>(label)]);
  return probabilities;
}

}  // namespace

std::vector<FeatureMaps> feature_maps(const Model& model, const Tensor& picture,
                                      const std::vector<std::string>& layers) {
  const char* const where = "feature_maps";
  check_weights(where, model);
  const Plan& plan = model.unfused_plan();
  check_picture(where, plan, picture);
  std::vector<std::size_t> wanted;
  if (layers.empty()) wanted = steps_of(where, plan, "");
  for (const std::string& layer : layers) {
    check(!layer.empty(), where, "a layer's name is empty.");
    for (const std::size_t step : steps_of(where, plan, layer)) wanted.push_back(step);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::vector<int> outputs;
  for (const std::size_t step : wanted) outputs.push_back(plan.value_of_step(step));

  const NoGrad no_grad;
  const std::vector<Tensor> values = run(part(plan, outputs), {one_row(picture, model.device())}, {});
  std::vector<FeatureMaps> maps;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    maps.push_back({plan.steps[wanted[i]].layer->name(), without_batch(values[i])});
  return maps;
}

Filters first_layer_filters(const Model& model) {
  const char* const where = "first_layer_filters";
  check_weights(where, model);
  const Plan& plan = model.unfused_plan();
  const Layer layer = plan.steps[steps_of(where, plan, "").front()].layer;
  const Tensor& kernel = layer->parameters().at(0)->value;
  const Shape& shape = kernel.shape();
  const std::vector<float> weights = kernel.to_vector();
  float largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::abs(weight));
  // The kernels lie side by side, the filter innermost. A depthwise kernel's filters are channels times multiplier.
  const bool depthwise = layer->kind() == "DepthwiseConv2D";
  const auto filters = static_cast<std::size_t>(depthwise ? shape[2] * shape[3] : shape[3]);
  const std::size_t cells = weights.size() / filters;
  std::vector<float> values(weights.size());
  for (std::size_t filter = 0; filter < filters; ++filter)
    for (std::size_t cell = 0; cell < cells; ++cell)
      values[filter * cells + cell] = largest > 0 ? weights[cell * filters + filter] / largest : 0;
  return {layer->name(),
          Tensor::from(values, {static_cast<std::int64_t>(filters), shape[0], shape[1], depthwise ? 1 : shape[2]}),
          largest};
}

LayerGradient class_gradient(const Model& model, const Tensor& picture, int label, const std::string& layer) {
  const char* const where = "class_gradient";
  check_weights(where, model);
  const Plan& whole = model.unfused_plan();
  check_picture(where, whole, picture);
  const int classes = check_class(where, whole, label);
  const std::size_t step = activated(whole, steps_of(where, whole, layer).back());
  const std::string& name = whole.steps[step].layer->name();
  check(whole.steps[step].shape.rank() == 3, where, "the layer's output must be (height, width, channels). Got \"",
        name, "\" with ", whole.steps[step].shape, ".");

  const Plan plan = logits_plan(whole);
  const int value = plan.value_of_step(step);
  const Tensor input = one_row(picture, model.device());
  Tensor output;
  {
    const NoGrad no_grad;
    output = run(part(plan, {value}), {input}, {})[0].detach();
  }
  output.set_requires_grad(true);
  const Plan behind = with_constant_weights(part(plan, plan.outputs, {value}));
  const Tensor logits = run(behind, {input, output}, {})[0];
  check(logits.requires_grad(), where, "the logits do not depend on the output of \"", name, "\".");
  std::vector<float> one_class(static_cast<std::size_t>(classes), 0.0f);
  one_class[static_cast<std::size_t>(label)] = 1;
  const float logit = logits.to_vector()[static_cast<std::size_t>(label)];
  backward(logits, Tensor::from(one_class, logits.shape(), logits.device()));
  return {name, without_batch(output), without_batch(output.grad()), logit};
}

HeatMap grad_cam(const Model& model, const Tensor& picture, int label, const std::string& layer) {
  const LayerGradient found = class_gradient(model, picture, label, layer);
  const Shape& shape = found.values.shape();
  const auto channels = static_cast<std::size_t>(shape[2]);
  const std::vector<float> values = found.values.to_vector(), gradient = found.gradient.to_vector();
  const std::size_t cells = values.size() / channels;
  std::vector<double> importance(channels);
  for (std::size_t i = 0; i < gradient.size(); ++i) importance[i % channels] += gradient[i];
  std::vector<float> map(cells);
  float largest = 0;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    double sum = 0;
    for (std::size_t k = 0; k < channels; ++k) sum += importance[k] * values[cell * channels + k];
    map[cell] = std::max(0.0f, static_cast<float>(sum / static_cast<double>(cells)));
    largest = std::max(largest, map[cell]);
  }
  if (largest > 0)
    for (float& value : map) value /= largest;
  const std::int64_t height = picture.shape()[0], width = picture.shape()[1];
  return {found.layer, Tensor::from(map, {shape[0], shape[1]}),
          Tensor::from(stretched(map, shape[0], shape[1], height, width), {height, width}), largest};
}

OcclusionMap occlusion_map(const Predictor& predictor, const Tensor& picture, int label,
                           const OcclusionOptions& options) {
  const char* const where = "occlusion_map";
  const Plan& plan = predictor.plan();
  check_picture(where, plan, picture);
  check_class(where, plan, label);
  check(picture.shape().rank() == 3, where, "a picture is (height, width, channels). Got ", picture.shape(), ".");
  const std::int64_t height = picture.shape()[0], width = picture.shape()[1], shorter = std::min(height, width);
  const auto channels = static_cast<std::size_t>(picture.shape()[2]);
  OcclusionMap result;
  result.window = options.window == 0 ? std::max(1, narrow(shorter / 8, where)) : options.window;
  result.stride = options.stride == 0 ? std::max(1, result.window / 2) : options.stride;
  check(result.window >= 1 && result.window <= shorter, where, "the window must be 1 to ", shorter,
        " pixels, the picture's shorter side. Got ", result.window, ".");
  check(result.stride >= 1 && result.stride <= result.window, where, "the stride must be 1 to the window's ",
        result.window, " pixels. Got ", result.stride, ".");
  check(options.batch >= 1, where, "a batch holds at least 1 picture. Got ", options.batch, ".");

  const std::vector<float> pixels = picture.to_vector();
  const std::vector<float> colours = cover(pixels, channels, options.fill);
  const std::vector<std::int64_t> rows = window_starts(height, result.window, result.stride),
                                  columns = window_starts(width, result.window, result.stride);
  const std::int64_t count = static_cast<std::int64_t>(rows.size() * columns.size());
  result.probability = class_probabilities(predictor, picture.to(Device::cpu).with_shape(picture.shape().with_batch(1)),
                                           picture.device(), label)[0];
  std::vector<float> drops;
  for (std::int64_t first = 0; first < count; first += options.batch) {
    const std::int64_t batch = std::min<std::int64_t>(options.batch, count - first);
    Tensor covered = Tensor::empty(picture.shape().with_batch(batch));
    for (std::int64_t i = 0; i < batch; ++i) {
      float* const copy = covered.view().data + i * picture.size();
      std::copy(pixels.begin(), pixels.end(), copy);
      const std::int64_t top = rows[static_cast<std::size_t>((first + i) / static_cast<std::int64_t>(columns.size()))],
                         left =
                             columns[static_cast<std::size_t>((first + i) % static_cast<std::int64_t>(columns.size()))];
      for (std::int64_t row = top; row < top + result.window; ++row)
        for (std::int64_t column = left; column < left + result.window; ++column)
          std::copy(colours.begin(), colours.end(),
                    copy + (row * width + column) * static_cast<std::int64_t>(channels));
    }
    for (const float probability : class_probabilities(predictor, covered, picture.device(), label))
      drops.push_back(result.probability - probability);
  }

  std::vector<double> sums(static_cast<std::size_t>(height * width));
  std::vector<int> windows(sums.size());
  for (std::size_t i = 0; i < drops.size(); ++i)
    for (std::int64_t row = 0; row < result.window; ++row)
      for (std::int64_t column = 0; column < result.window; ++column) {
        const auto pixel =
            static_cast<std::size_t>((rows[i / columns.size()] + row) * width + columns[i % columns.size()] + column);
        sums[pixel] += drops[i];
        ++windows[pixel];
      }
  std::vector<float> means;
  for (std::size_t i = 0; i < sums.size(); ++i) means.push_back(static_cast<float>(sums[i] / windows[i]));
  result.drops =
      Tensor::from(drops, {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns.size())});
  result.on_picture = Tensor::from(means, {height, width});
  return result;
}

OcclusionMap occlusion_map(const Model& model, const Tensor& picture, int label, const OcclusionOptions& options) {
  check_weights("occlusion_map", model);
  check_picture("occlusion_map", model.unfused_plan(), picture);
  return occlusion_map(compile(model), picture.detach().to(model.device()), label, options);
}

}  // namespace mien
