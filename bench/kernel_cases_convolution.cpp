// The convolutions of real networks: the seed network's, fused with ReLU and pool, and those of ResNet50 and
// MobileNetV2, each forward, in inference (weights laid out beforehand) and for both gradients, by each algorithm that
// applies.
#include <algorithm>

#include "mien/bench/kernel_case.h"
#include "mien/core/ops/conv2d.h"
#include "mien/kernels/algorithm.h"

namespace mien::bench {
namespace {

struct Convolution {
  std::string network, layer;  ///< the layer's name starts with its kind, so that kinds sort together
  int batch, size, in, out, kernel, stride = 1;
  bool depthwise = false;
  bool pooled = false;  ///< with bias, ReLU and the 2x2 pool
};

std::vector<Convolution> convolutions() {
  std::vector<Convolution> table;
  for (int layer = 0; layer < 5; ++layer)
    table.push_back({.network = "seed",
                     .layer = "conv" + std::to_string(layer + 1),
                     .batch = 64,
                     .size = 256 >> layer,
                     .in = layer == 0 ? 1 : 4 << layer,
                     .out = 8 << layer,
                     .kernel = 3,
                     .pooled = true});
  const auto add = [&](const char* network, const char* kind, int size, int in, int out, int kernel, int stride = 1,
                       bool depthwise = false) {
    table.push_back({network, kind, 16, size, in, out, kernel, stride, depthwise});
  };
  add("resnet50", "7x7s2", 224, 3, 64, 7, 2);
  add("resnet50", "1x1", 56, 64, 64, 1);
  add("resnet50", "1x1", 56, 64, 256, 1);
  add("resnet50", "1x1", 56, 256, 64, 1);
  add("resnet50", "1x1", 28, 512, 128, 1);
  add("resnet50", "1x1", 14, 256, 1024, 1);
  add("resnet50", "1x1", 7, 2048, 512, 1);
  add("resnet50", "1x1s2", 56, 256, 512, 1, 2);
  add("resnet50", "3x3", 56, 64, 64, 3);
  add("resnet50", "3x3", 28, 128, 128, 3);
  add("resnet50", "3x3", 14, 256, 256, 3);
  add("resnet50", "3x3", 7, 512, 512, 3);
  add("resnet50", "3x3s2", 56, 128, 128, 3, 2);
  add("resnet50", "3x3s2", 14, 512, 512, 3, 2);
  add("mobilenetv2", "3x3s2", 224, 3, 32, 3, 2);
  add("mobilenetv2", "1x1", 112, 16, 96, 1);
  add("mobilenetv2", "1x1", 56, 144, 24, 1);
  add("mobilenetv2", "1x1", 14, 64, 384, 1);
  add("mobilenetv2", "1x1", 7, 320, 1280, 1);
  add("mobilenetv2", "depthwise3x3", 112, 32, 32, 3, 1, true);
  add("mobilenetv2", "depthwise3x3", 56, 144, 144, 3, 1, true);
  add("mobilenetv2", "depthwise3x3", 14, 384, 384, 3, 1, true);
  add("mobilenetv2", "depthwise3x3", 7, 960, 960, 3, 1, true);
  add("mobilenetv2", "depthwise3x3s2", 112, 96, 96, 3, 2, true);
  return table;
}

Conv2dOptions options_of(const Convolution& c, Conv2dAlgorithm algorithm) {
  // Half a kernel of zeros on every side, as in ResNet50.
  const int border = c.kernel / 2;
  return {.stride = c.stride,
          .padding = Padding::explicit_cells,
          .border = {border, border, border, border},
          .groups = c.depthwise ? c.in : 1,
          .activation = c.pooled ? Activation(relu) : Activation(linear),
          .pool = c.pooled,
          .algorithm = algorithm};
}

struct Operands {
  Tensor x, w, b;
};

/// The bias of a pooled layer puts about half of the pooled values below zero: about as many as ReLU kills in a trained
/// network, and the gradients' work depends on it.
Operands operands(const Convolution& c) {
  Operands o;
  o.x = random_tensor({c.batch, c.size, c.size, c.in});
  o.w = random_tensor({c.kernel, c.kernel, c.depthwise ? 1 : c.in, c.out});
  if (!c.pooled) return o;
  const NoGrad no_grad;
  Conv2dOptions plain = options_of(c, Conv2dAlgorithm::automatic);
  plain.activation = linear;
  std::vector<float> pooled = conv2d(o.x.slice(0, 1), o.w, {}, plain).to_vector(), bias;
  for (int channel = 0; channel < c.out; ++channel) {
    std::vector<float> values;
    for (std::size_t i = static_cast<std::size_t>(channel); i < pooled.size(); i += static_cast<std::size_t>(c.out))
      values.push_back(pooled[i]);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    bias.push_back(-*middle);
  }
  o.b = Tensor::from(bias, {c.out});
  return o;
}

Conv2dGeometry geometry(const Convolution& c) {
  return conv2d_geometry({c.batch, c.size, c.size, c.in}, {c.kernel, c.kernel, c.depthwise ? 1 : c.in, c.out},
                         c.pooled ? std::optional(Shape{c.out}) : std::nullopt,
                         options_of(c, Conv2dAlgorithm::automatic));
}

Work forward_work(const Convolution& c, Conv2dAlgorithm algorithm) {
  return [o = operands(c), options = options_of(c, algorithm)] {
    const NoGrad no_grad;
    conv2d(o.x, o.w, o.b, options);
  };
}

Work inference_work(const Convolution& c, Conv2dAlgorithm algorithm) {
  const Operands o = operands(c);
  const Conv2dOptions options = options_of(c, algorithm);
  return [=, prepared = prepare_conv2d(o.x.shape(), o.w, o.b.defined(), options)] {
    const NoGrad no_grad;
    conv2d_prepared(o.x, prepared, o.w.shape(), o.b, options);
  };
}

/// The rule of a convolution of which `wanted` alone wants a gradient.
Work gradient_work(const Convolution& c, Conv2dAlgorithm algorithm, Tensor Operands::*wanted) {
  Operands o = operands(c);
  (o.*wanted).set_requires_grad(true);
  return backward_work(conv2d(o.x, o.w, o.b, options_of(c, algorithm)));
}

/// The algorithms for one pass: the rule's choice, and each that does not give way to another there.
std::vector<Conv2dAlgorithm> algorithms(const Convolution& c, const Conv2dGeometry& g, Conv2dPass pass) {
  std::vector<Conv2dAlgorithm> found{Conv2dAlgorithm::automatic};
  for (const Conv2dAlgorithm algorithm : {Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm, Conv2dAlgorithm::winograd,
                                          Conv2dAlgorithm::sparse, Conv2dAlgorithm::reference}) {
    // Plain loops take minutes on the large networks; the seed's five layers show what they cost.
    if (algorithm == Conv2dAlgorithm::reference && c.network != "seed") continue;
    if (kernels::cpu::resolve_conv2d_algorithm(algorithm, g, pass) == algorithm) found.push_back(algorithm);
  }
  return found;
}

}  // namespace

std::vector<KernelCase> convolution_cases() {
  std::vector<KernelCase> cases;
  for (const Convolution& c : convolutions()) {
    const Conv2dGeometry g = geometry(c);
    const auto products = static_cast<double>(g.multiply_adds());
    const double x = 4.0 * static_cast<double>(g.x_size()), w = 4.0 * static_cast<double>(g.w_size());
    // With the pool: a byte of argmax beside each value.
    const double y = (c.pooled ? 5.0 : 4.0) * static_cast<double>(g.y_size());
    const std::string prefix = join("conv2d/", c.network, "/", c.layer, "_", c.size, "px_", c.in, "to", c.out, "_batch",
                                    c.batch, c.pooled ? "_relu_pool" : "", "/");
    const auto add = [&](const char* what, Conv2dPass pass, const Cost& cost, const auto& work) {
      for (const Conv2dAlgorithm algorithm : algorithms(c, g, pass))
        cases.push_back({join(prefix, what, "/", name_of(algorithm)), cost, [=] { return work(c, algorithm); },
                         algorithm == Conv2dAlgorithm::automatic
                             ? name_of(kernels::cpu::resolve_conv2d_algorithm(algorithm, g, pass))
                             : ""});
    };
    const auto gradient = [](Tensor Operands::*wanted) {
      return [=](const Convolution& of, Conv2dAlgorithm algorithm) { return gradient_work(of, algorithm, wanted); };
    };
    add("forward", Conv2dPass::forward, {products, x + w, y}, forward_work);
    add("inference", Conv2dPass::forward, {products, x + w, y}, inference_work);
    if (c.in > 3)  // the pictures want no gradient
      add("gradient_x", Conv2dPass::backward_input, {products, y + w, x}, gradient(&Operands::x));
    add("gradient_w", Conv2dPass::backward_weights, {products, x + y, w}, gradient(&Operands::w));
  }
  return cases;
}

}  // namespace mien::bench
