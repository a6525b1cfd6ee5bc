// Cases of the op table (op_cases.h): products, convolution, pooling, normalisation and losses.
#pragma once

#include "mien/tests/op_case.h"

namespace mien::testing {

// Products ---------------------------------------------------------------------------------------------------------

inline void add_products(std::vector<OpCase>& cases) {
  for (const auto& [m, n, k] : {std::array{3, 5, 7}, {1, 33, 4}, {9, 1, 1}, {13, 17, 19}})
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        const MatmulGeometry g{m, n, k, transpose_a, transpose_b};
        cases.push_back(op_case(
            join("matmul ", m, "x", n, "x", k, transpose_a ? " aT" : "", transpose_b ? " bT" : ""),
            {{transpose_a ? Shape{k, m} : Shape{m, k}}, {transpose_b ? Shape{n, k} : Shape{k, n}}},
            [=](const Tensors& t) { return matmul(t[0], t[1], transpose_a, transpose_b); },
            [=](const Arrays& v) { return reference::matmul(v[0], v[1], g); }, true));
      }
  for (const Activation activation : {Activation(linear), Activation(relu), Activation(leaky_relu), Activation(sigmoid),
                                      Activation(hyperbolic_tangent), Activation(softmax)})
    for (const bool bias : {true, false}) {
      const DenseGeometry g{
          .rows = 6, .in = 5, .out = 9, .bias = bias, .activation = activation == softmax ? linear : activation};
      std::vector<OpInput> inputs{{{2, 3, 5}}, {{5, 9}}};
      if (bias) inputs.push_back({{9}});
      cases.push_back(op_case(
          join("dense ", name(activation.kind), bias ? "" : " without bias"), inputs,
          [=](const Tensors& t) { return dense(t[0], t[1], bias ? t[2] : Tensor(), activation); },
          [=](const Arrays& v) {
            const Values y = reference::dense(v[0], v[1], bias ? v[2] : Values{}, g);
            return activation == softmax ? reference::softmax(y, {6, 9}) : y;
          },
          activation == linear || activation == relu));
    }
}

// Convolution and pooling ------------------------------------------------------------------------------------------

inline void add_convolution(std::vector<OpCase>& cases, const std::string& what, const Shape& x, const Shape& w,
                            bool bias, const Conv2dOptions& options) {
  std::vector<OpInput> inputs{{x}, {w}};
  if (bias) inputs.push_back({{w[3]}});
  const bool rows = options.activation == softmax;
  Conv2dOptions defined = options;
  if (rows) defined.activation = linear;
  const Conv2dGeometry g = conv2d_geometry(x, w, bias ? std::optional(Shape{w[3]}) : std::nullopt, defined);
  const ActivationKind kind = options.activation.kind;
  cases.push_back({"conv2d " + what, inputs,
                   [=](const Tensors& t, Conv2dAlgorithm algorithm) {
                     Conv2dOptions chosen = options;
                     chosen.algorithm = algorithm;
                     return conv2d(t[0], t[1], bias ? t[2] : Tensor(), chosen);
                   },
                   [=](const Arrays& v) {
                     const Values y = reference::conv2d(v[0], v[1], bias ? v[2] : Values{}, g);
                     return rows ? reference::softmax(y, {g.y_size() / g.out_channels, g.out_channels}) : y;
                   },
                   kind == ActivationKind::linear || kind == ActivationKind::relu || kind == ActivationKind::relu6,
                   true});
}

inline void add_convolutions(std::vector<OpCase>& cases) {
  const auto add = [&cases](const std::string& what, const Shape& x, const Shape& w, bool bias,
                            const Conv2dOptions& options = {}) { add_convolution(cases, what, x, w, bias, options); };
  add("1x1", {2, 4, 3, 5}, {1, 1, 5, 7}, true);
  add("1x1 stride 2", {2, 5, 4, 3}, {1, 1, 3, 4}, false, {.stride = 2});
  add("3x3 valid", {2, 6, 5, 3}, {3, 3, 3, 4}, true);
  add("3x3 same", {2, 5, 7, 3}, {3, 3, 3, 4}, true, {.padding = Padding::same});
  add("3x3 same stride 2, even", {1, 6, 8, 2}, {3, 3, 2, 3}, true, {.stride = 2, .padding = Padding::same});
  add("3x3 same, more channels than lanes", {1, 3, 4, 5}, {3, 3, 5, 19}, true, {.padding = Padding::same});
  add("4x4 same", {1, 5, 6, 2}, {4, 4, 2, 3}, false, {.padding = Padding::same});
  add("7x7 stride 2 same, larger than the input", {1, 5, 4, 2}, {7, 7, 2, 3}, true,
      {.stride = 2, .padding = Padding::same});
  add("1x7 same", {2, 3, 9, 2}, {1, 7, 2, 3}, true, {.padding = Padding::same});
  add("7x1 valid, stride 1x2", {1, 9, 5, 2}, {7, 1, 2, 3}, true, {.stride = {1, 2}});
  add("3x3 explicit, one side", {1, 5, 6, 2}, {3, 3, 2, 3}, true,
      {.stride = 2, .padding = Padding::explicit_cells, .border = {0, 1, 0, 1}});
  add("2x3 explicit, all sides apart", {1, 4, 5, 2}, {2, 3, 2, 3}, false,
      {.padding = Padding::explicit_cells, .border = {3, 0, 1, 2}});
  add("3x3 dilation 2 same", {1, 6, 7, 2}, {3, 3, 2, 3}, true, {.padding = Padding::same, .dilation = 2});
  add("3x2 dilation 1x3 valid", {1, 4, 7, 2}, {3, 2, 2, 3}, true, {.dilation = {1, 3}});
  add("groups 2", {2, 4, 5, 4}, {3, 3, 2, 6}, true, {.padding = Padding::same, .groups = 2});
  add("groups 3, 1x1", {2, 3, 3, 6}, {1, 1, 2, 3}, false, {.groups = 3});
  add("depthwise", {2, 5, 4, 3}, {3, 3, 1, 3}, true, {.padding = Padding::same, .groups = 3});
  add("depthwise, more channels than lanes, stride 2", {1, 5, 5, 19}, {3, 3, 1, 19}, true,
      {.stride = 2, .padding = Padding::same, .groups = 19});
  add("depthwise, multiplier 2", {1, 5, 6, 3}, {3, 3, 1, 6}, false, {.stride = 2, .groups = 3});
  add("depthwise, dilation 2", {1, 6, 7, 4}, {3, 3, 1, 4}, false,
      {.padding = Padding::same, .dilation = 2, .groups = 4});
  for (const Activation activation : {Activation(relu), Activation(relu6), Activation(leaky_relu), Activation(sigmoid),
                                      Activation(hyperbolic_tangent), Activation(softmax)})
    add(join("with ", name(activation.kind)), {2, 5, 4, 3}, {3, 3, 3, 4}, true,
        {.padding = Padding::same, .activation = activation});
  for (const Activation activation :
       {Activation(linear), Activation(relu), Activation(leaky_relu), Activation(sigmoid)})
    add(join("with ", name(activation.kind), " and pool"), {2, 6, 8, 3}, {3, 3, 3, 5}, true,
        {.padding = Padding::same, .activation = activation, .pool = true});
  add("relu and pool, odd size", {1, 7, 5, 1}, {3, 3, 1, 8}, true,
      {.padding = Padding::same, .activation = relu, .pool = true});
  // Whole vectors of channels, and some more, on every instruction set.
  add("16 to 32 channels, leaky_relu and pool", {1, 6, 6, 16}, {3, 3, 16, 32}, true,
      {.padding = Padding::same, .activation = leaky_relu, .pool = true});
  add("20 to 24 channels, relu and pool, odd size", {1, 7, 5, 20}, {3, 3, 20, 24}, true,
      {.padding = Padding::same, .activation = relu, .pool = true});
  add("8 to 16 channels, pool, uneven border", {2, 5, 6, 8}, {3, 3, 8, 16}, false,
      {.padding = Padding::explicit_cells, .border = {2, 0, 1, 1}, .pool = true});
  add("20 to 24 channels", {1, 5, 6, 20}, {3, 3, 20, 24}, true, {.padding = Padding::same});
  add("relu and pool, stride 2, 19 channels", {1, 9, 8, 2}, {3, 3, 2, 19}, false,
      {.stride = 2, .padding = Padding::same, .activation = relu, .pool = true});
  add("depthwise with relu6", {1, 5, 5, 6}, {3, 3, 1, 6}, true,
      {.padding = Padding::same, .groups = 6, .activation = relu6});
  add("depthwise with relu and pool", {1, 4, 5, 6}, {3, 3, 1, 6}, true,
      {.padding = Padding::same, .groups = 6, .activation = relu, .pool = true});
}

inline void add_pools(std::vector<OpCase>& cases) {
  const std::pair<Shape, Pool2dOptions> pools[] = {
      {{2, 6, 4, 3}, {}},
      {{2, 7, 5, 3}, {.size = 2}},
      {{1, 7, 6, 2}, {.size = 3, .stride = 2, .padding = Padding::same}},
      {{1, 5, 6, 19}, {.size = 3, .stride = 1, .padding = Padding::same}},
      {{1, 6, 7, 2}, {.size = {3, 2}, .stride = {2, 1}}},
      {{1, 8, 9, 2}, {.size = 2, .stride = 3}},
      {{1, 5, 5, 1}, {.size = 5, .stride = 3, .padding = Padding::same}},
  };
  for (const auto& [shape, options] : pools) {
    const Pool2dGeometry g = pool2d_geometry("pool2d", shape, options);
    const std::string what = join(options.size, " stride ", options.stride, " of ", shape);
    cases.push_back(op_case(
        "max_pool2d " + what, {{shape}}, [options = options](const Tensors& t) { return max_pool2d(t[0], options); },
        [=](const Arrays& v) { return reference::max_pool2d(v[0], g).y; }, true));
    cases.push_back(op_case(
        "average_pool2d " + what, {{shape}},
        [options = options](const Tensors& t) { return average_pool2d(t[0], options); },
        [=](const Arrays& v) { return reference::average_pool2d(v[0], g); }));
  }
  for (const bool keep_dims : {false, true})
    cases.push_back(op_case(
        join("global_average_pool2d", keep_dims ? " kept" : ""), {{{2, 4, 8, 5}}},
        [=](const Tensors& t) { return global_average_pool2d(t[0], keep_dims); },
        [](const Arrays& v) {
          return sum_definition(v[0], {2, 4, 8, 5}, {false, true, true, false}, 1 / 32.0);
        }));
}

// Normalisation and losses -----------------------------------------------------------------------------------------

inline void add_batch_norms(std::vector<OpCase>& cases) {
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{7, 19}, Shape{5, 1}})
    for (const BatchNormMode mode : {BatchNormMode::training, BatchNormMode::inference, BatchNormMode::frozen})
      for (const bool scale : {true, false})
        for (const bool center : {true, false}) {
          const std::int64_t channels = shape[-1];
          std::vector<OpInput> inputs{{shape, -2, 3}, {{channels}, -1, 1, false}, {{channels}, 0.5, 2, false}};
          if (scale) inputs.push_back({{channels}, 0.5, 1.5});
          if (center) inputs.push_back({{channels}});
          cases.push_back(op_case(
              join("batch_norm ",
                   mode == BatchNormMode::training ? "training "
                   : mode == BatchNormMode::frozen ? "frozen "
                                                   : "inference ",
                   shape, scale ? " scaled" : "", center ? " centred" : ""),
              inputs,
              [=](const Tensors& t) {
                return batch_norm(t[0], scale ? t[3] : Tensor(), center ? t.back() : Tensor(), t[1], t[2],
                                  {.epsilon = 0.01f, .mode = mode});
              },
              [=](const Arrays& v) {
                const RowsGeometry g{shape.size() / channels, static_cast<int>(channels)};
                const Values gamma = scale ? v[3] : Values{}, beta = center ? v.back() : Values{};
                if (mode == BatchNormMode::training) return reference::batch_norm(v[0], gamma, beta, g, 0.01f).y;
                return reference::batch_norm_inference(v[0], gamma, beta, v[1], v[2], g, 0.01f);
              }));
        }
}

inline void add_losses(std::vector<OpCase>& cases) {
  const RowsGeometry g{6, 5};
  const OpInput logits{{6, 5}, -3, 3}, shares{{6, 5}, 0, 1, false}, labels{{6}, 0, 5, false, DType::int32};
  const OpInput class_weights{{5}, 0.5, 2, false}, sample_weights{{6}, 0.5, 2, false};
  for (const float smoothing : {0.0f, 0.1f}) {
    cases.push_back(op_case(
        join("softmax_cross_entropy of shares, smoothing ", smoothing), {logits, shares},
        [=](const Tensors& t) { return softmax_cross_entropy(t[0], t[1], {.label_smoothing = smoothing}); },
        [=](const Arrays& v) {
          const Values targets = reference::affine(v[1], 1 - static_cast<double>(smoothing), smoothing / 5.0);
          return reference::softmax_cross_entropy(v[0], targets, {}, g);
        }));
    cases.push_back(op_case(
        join("softmax_cross_entropy of labels, weighted, smoothing ", smoothing),
        {logits, labels, class_weights, sample_weights},
        [=](const Tensors& t) {
          return softmax_cross_entropy(t[0], t[1],
                                       {.label_smoothing = smoothing, .class_weights = t[2], .sample_weights = t[3]});
        },
        [=](const Arrays& v) {
          std::vector<int> classes(v[1].begin(), v[1].end());
          Values weights = v[3];
          for (std::size_t row = 0; row < weights.size(); ++row)
            weights[row] *= v[2][static_cast<std::size_t>(classes[row])];
          return reference::softmax_cross_entropy(v[0], reference::one_hot(classes, g, smoothing), weights, g);
        }));
  }
  cases.push_back(op_case(
      "softmax_cross_entropy of shares, class weights of the largest", {logits, shares, class_weights},
      [](const Tensors& t) { return softmax_cross_entropy(t[0], t[1], {.class_weights = t[2]}); },
      [=](const Arrays& v) {
        Values weights;
        for (auto row = v[1].begin(); row != v[1].end(); row += 5)
          weights.push_back(v[2][static_cast<std::size_t>(std::max_element(row, row + 5) - row)]);
        return reference::softmax_cross_entropy(v[0], v[1], weights, g);
      }));
  cases.push_back(op_case(
      "mean_squared_error", {{{6, 5}}, {{6, 5}, -2, 2}},
      [](const Tensors& t) { return mean_squared_error(t[0], t[1]); },
      [](const Arrays& v) {
        Values loss = reference::zeros(6);
        for (std::size_t i = 0; i < 30; ++i) loss[i / 5] += (v[0][i] - v[1][i]) * (v[0][i] - v[1][i]) / 5;
        return loss;
      }));
  cases.push_back(op_case(
      "argmax", {{{2, 4, 7}, -1, 1, false}}, [](const Tensors& t) { return argmax(t[0]); },
      [](const Arrays& v) {
        Values index;
        for (auto row = v[0].begin(); row != v[0].end(); row += 7)
          index.push_back(static_cast<double>(std::max_element(row, row + 7) - row));
        return index;
      },
      true));
}

}  // namespace mien::testing
