// A whole network in double precision: a plan's steps, each by its definition in tests/reference.h. What a training
// step of the library computes in float32 is held against finite differences of this.
//
// There are two ways to take them. The plain one is a difference of two runs of the whole network. But float32
// strays from double layer by layer, and a ReLU whose input was nearly 0 then opens in one and not in the other: in
// deep networks the gradients of both differ by percents, and both are right. So change() goes layer by layer: each
// layer's difference is taken at the values that the float32 step had there.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "mien/layers/layers.h"
#include "mien/tests/reference.h"

namespace mien::test {

using reference::Values;

/// Numbers of each weight, by its full name.
using DoubleWeights = std::map<std::string, Values>;

inline DoubleWeights double_weights(const Model& net) {
  DoubleWeights weights;
  for (const auto& parameter : net.parameters()) {
    const std::vector<float> values = parameter->value.to_vector();
    weights[parameter->full_name] = Values(values.begin(), values.end());
  }
  return weights;
}

/// The batch's own statistics, by the layer's name.
struct BatchStatistics {
  Values mean, variance;
};

class DoubleNetwork {
 public:
  /// `net` must outlive this, and is asked for its structure alone.
  explicit DoubleNetwork(const Model& net) : plan_(net.unfused_plan()) {}

  /// The output of a training step for a batch, with these weights; `statistics` gets those of batch normalisations.
  Values operator()(const DoubleWeights& weights, const Values& x, int batch,
                    std::map<std::string, BatchStatistics>* statistics = nullptr) const {
    std::vector<Values> values{x};
    for (const Step& step : plan_.steps) {
      const Call call{step, weights, batch, statistics};
      values.push_back(compute(call, values));
    }
    return values.at(static_cast<std::size_t>(plan_.outputs.at(0)));
  }

  /// How the output changes along a direction of the weights, where the input and the steps' outputs have the values
  /// `at`: central differences of each layer, chained.
  Values change(const DoubleWeights& weights, const DoubleWeights& direction, const std::vector<Values>& at,
                int batch) const {
    std::vector<Values> changes{{}};  // empty: none
    for (std::size_t number = 0; number < plan_.steps.size(); ++number) {
      const Step& step = plan_.steps[number];
      double size = 0, change = 0;
      for (const int input : step.inputs) {
        const auto index = static_cast<std::size_t>(input);
        size = std::max(size, root_mean_square(at.at(index)));
        change = std::max(change, root_mean_square(changes[index]));
      }
      bool moves = change > 0;
      for (const auto& parameter : step.layer->parameters()) moves = moves || direction.contains(parameter->full_name);
      changes.push_back({});
      if (!moves) continue;
      const double h = 1e-6 * (change > size ? size / change : 1.0);
      const auto beside = [&](double distance) {
        DoubleWeights moved;
        for (const auto& parameter : step.layer->parameters()) {
          const auto found = direction.find(parameter->full_name);
          moved[parameter->full_name] =
              sum_of(weights.at(parameter->full_name), found == direction.end() ? Values{} : found->second, distance);
        }
        std::vector<Values> values(at.size());
        for (const int input : step.inputs) {
          const auto index = static_cast<std::size_t>(input);
          values[index] = sum_of(at[index], changes[index], distance);
        }
        return compute({step, moved, batch, nullptr, true}, values);
      };
      Values& y = changes.back() = beside(h);
      const Values lower = beside(-h), &here = at.at(number + 1);
      const Activation activation = own_activation(step);
      for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = (y[i] - lower[i]) / (2 * h) * activation_slope(static_cast<float>(here.at(i)), activation);
    }
    return changes.at(static_cast<std::size_t>(plan_.outputs.at(0)));
  }

 private:
  struct Call {
    const Step& step;
    const DoubleWeights& weights;
    int batch;
    std::map<std::string, BatchStatistics>* statistics;
    bool without_activation = false;  ///< of a convolution

    const Values& weight(const std::string& name) const { return weights.at(step.layer->name() + "/" + name); }
    Values optional(const std::string& name) const {
      const auto found = weights.find(step.layer->name() + "/" + name);
      return found == weights.end() ? Values{} : found->second;
    }
  };

  static double root_mean_square(const Values& values) {
    double squares = 0;
    for (const double value : values) squares += value * value;
    return std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, values.size())));
  }

  static Values sum_of(Values values, const Values& change, double factor) {
    if (change.empty()) return values;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += factor * change.at(i);
    return values;
  }

  /// The activation that a convolution has itself.
  static Activation own_activation(const Step& step) {
    if (const auto* const module = dynamic_cast<const Conv2DModule*>(&*step.layer)) return module->options().activation;
    if (const auto* const module = dynamic_cast<const SeparableConv2DModule*>(&*step.layer))
      return module->options().activation;
    return {};
  }

  static double number(const LayerConfig& config, const char* name) {
    const ConfigValue& value = *config.find(name);
    const auto* const integer = value.get_if<std::int64_t>();
    return integer ? static_cast<double>(*integer) : *value.get_if<double>();
  }

  /// Convolution and bias, without the activation. Depthwise kernels are (kh, kw, channels, multiplier).
  static Values convolution(const Values& x, const Values& w, const Values& bias, const Conv2dGeometry& g) {
    Values y = reference::zeros(g.convolution_size());
    const int in = g.in_per_group(), out = g.out_per_group();
#pragma omp parallel for
    for (int row = 0; row < g.batch * g.height.output; ++row)
      for (int column = 0; column < g.width.output; ++column) {
        double* const to = y.data() + (std::int64_t{row} * g.width.output + column) * g.out_channels;
        for (int o = 0; o < g.out_channels; ++o) to[o] = bias.empty() ? 0 : bias[static_cast<std::size_t>(o)];
        for (int tap = 0; tap < g.height.kernel * g.width.kernel; ++tap) {
          const int h = g.height.cell(row % g.height.output, tap / g.width.kernel);
          const int v = g.width.cell(column, tap % g.width.kernel);
          if (!g.height.inside(h) || !g.width.inside(v)) continue;
          const double* const from =
              x.data() +
              ((std::int64_t{row / g.height.output} * g.height.input + h) * g.width.input + v) * g.in_channels;
          const double* const weights = w.data() + std::int64_t{tap} * in * g.out_channels;
          for (int c = 0; c < g.in_channels; ++c) {
            const double* const taps = weights + std::int64_t{c % in} * g.out_channels;
            const int first = c / in * out;
            for (int o = first; o < first + out; ++o) to[o] += from[c] * taps[o];
          }
        }
      }
    return y;
  }

  static Conv2dGeometry batched(Conv2dGeometry g, int batch) {
    g.batch = batch;
    return g;
  }

  Values compute(const Call& call, const std::vector<Values>& values) const {
    const Step& step = call.step;
    const Values& x = values.at(static_cast<std::size_t>(step.inputs.at(0)));
    const Shape& shape = plan_.shape_of(step.inputs[0]);
    const std::string kind = step.layer->kind();
    const Activation own = call.without_activation ? Activation{} : own_activation(step);
    if (const auto* const module = dynamic_cast<const Conv2DModule*>(&*step.layer))
      return reference::activation(
          convolution(x, call.weight("kernel"), call.optional("bias"), batched(module->geometry(shape), call.batch)),
          own);
    if (const auto* const module = dynamic_cast<const SeparableConv2DModule*>(&*step.layer)) {
      const auto [depthwise, pointwise] = module->parts();
      const auto geometry = [&](const Layer& part, const Shape& input) {
        return batched(dynamic_cast<const Conv2DModule&>(*part).geometry(input), call.batch);
      };
      const Values between = convolution(x, call.weight("depthwise_kernel"), {}, geometry(depthwise, shape));
      return reference::activation(convolution(between, call.weight("pointwise_kernel"), call.optional("bias"),
                                               geometry(pointwise, depthwise->output_shape({shape}))),
                                   own);
    }
    if (const auto* const module = dynamic_cast<const ActivationModule*>(&*step.layer))
      return reference::activation(x, module->activation());
    if (kind == "BatchNormalization") {
      const RowsGeometry rows{call.batch * shape.size() / shape[-1], static_cast<int>(shape[-1])};
      auto [y, mean, variance] = reference::batch_norm(x, call.optional("gamma"), call.optional("beta"), rows,
                                                       number(step.layer->config(), "epsilon"));
      if (call.statistics) (*call.statistics)[step.layer->name()] = {mean, variance};
      return y;
    }
    if (kind == "MaxPooling2D" || kind == "AveragePooling2D") return pool(call, x, shape, kind == "MaxPooling2D");
    if (kind == "GlobalAveragePooling2D") {
      Values y = reference::zeros(call.batch * shape[2]);
      const auto channels = static_cast<std::size_t>(shape[2]), picture = static_cast<std::size_t>(shape.size());
      for (std::size_t i = 0; i < x.size(); ++i)
        y[i / picture * channels + i % channels] += x[i] / static_cast<double>(shape[0] * shape[1]);
      return y;
    }
    if (kind == "Dense")
      return reference::dense(x, call.weight("kernel"), call.weight("bias"),
                              {.rows = call.batch,
                               .in = static_cast<int>(shape.size()),
                               .out = static_cast<int>(step.shape.size()),
                               .bias = true,
                               .activation = {}});
    if (kind == "ZeroPadding2D") return pad(call, x, shape);
    if (kind == "Add") {
      Values y = x;
      for (std::size_t k = 1; k < step.inputs.size(); ++k) {
        const Values& other = values.at(static_cast<std::size_t>(step.inputs[k]));
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += other.at(i);
      }
      return y;
    }
    if (kind == "Concatenate") {
      Values y = reference::zeros(call.batch * step.shape.size());
      std::int64_t offset = 0;
      for (const int input : step.inputs) {
        const std::int64_t channels = plan_.shape_of(input)[2];
        y = reference::write_band(values.at(static_cast<std::size_t>(input)), std::move(y),
                                  {.outer = call.batch * step.shape[0] * step.shape[1],
                                   .inner = channels,
                                   .wide = step.shape[2],
                                   .offset = offset});
        offset += channels;
      }
      return y;
    }
    throw std::runtime_error("no definition in double of the layer " + kind);
  }

  static Values pool(const Call& call, const Values& x, const Shape& shape, bool maximum) {
    const LayerConfig config = call.step.layer->config();
    const auto side = [&](const char* name, std::size_t axis) {
      const auto* const list = config.find(name)->get_if<ConfigValue::List>();
      return static_cast<int>(*list->at(axis).get_if<std::int64_t>());
    };
    const char* const stride = config.find("strides")->is_none() ? "pool_size" : "strides";
    const Padding padding = *config.find("padding")->get_if<std::string>() == "same" ? Padding::same : Padding::valid;
    const auto axis = [&](int i) {
      const auto which = static_cast<std::size_t>(i);
      return window_axis(
          {.input = static_cast<int>(shape[i]), .kernel = side("pool_size", which), .stride = side(stride, which)},
          padding);
    };
    const Pool2dGeometry g{
        .batch = call.batch, .height = axis(0), .width = axis(1), .channels = static_cast<int>(shape[2])};
    return maximum ? reference::max_pool2d(x, g).y : reference::average_pool2d(x, g);
  }

  static Values pad(const Call& call, const Values& x, const Shape& shape) {
    const LayerConfig config = call.step.layer->config();
    const auto side = [&](std::size_t axis, std::size_t end) {
      const auto* const axes = config.find("padding")->get_if<ConfigValue::List>();
      return static_cast<int>(*axes->at(axis).get_if<ConfigValue::List>()->at(end).get_if<std::int64_t>());
    };
    return reference::zero_pad2d(x, {.batch = call.batch,
                                     .height = static_cast<int>(shape[0]),
                                     .width = static_cast<int>(shape[1]),
                                     .channels = static_cast<int>(shape[2]),
                                     .top = side(0, 0),
                                     .bottom = side(0, 1),
                                     .left = side(1, 0),
                                     .right = side(1, 1)});
  }

  const Plan& plan_;
};

}  // namespace mien::test
