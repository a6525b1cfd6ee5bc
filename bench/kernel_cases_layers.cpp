// All other layers, the losses and the optimizers, at the shapes that they have in the seed network, ResNet50 and
// MobileNetV2.
#include <memory>

#include "mien/bench/kernel_case.h"
#include "mien/core/ops/activation.h"
#include "mien/core/ops/batch_norm.h"
#include "mien/core/ops/binary.h"
#include "mien/core/ops/dense.h"
#include "mien/core/ops/dropout.h"
#include "mien/core/ops/pool2d.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/softmax.h"
#include "mien/core/ops/softmax_cross_entropy.h"
#include "mien/core/ops/up_sampling2d.h"
#include "mien/core/ops/zero_pad2d.h"
#include "mien/optim/adam.h"
#include "mien/optim/rmsprop.h"
#include "mien/optim/sgd.h"

namespace mien::bench {
namespace {

using Tensors = std::vector<Tensor>;

void add_dense(std::vector<KernelCase>& cases) {
  struct Layer {
    const char* network;
    int rows, in, out;
    Activation activation = linear;
  };
  for (const Layer& l : {Layer{"seed", 64, 8192, 256, relu},
                         {"seed", 1, 8192, 256, relu},
                         {"seed", 64, 256, 5},
                         {"mobilenetv2", 16, 1280, 1000},
                         {"resnet50", 16, 2048, 1000}})
    add_op_cases(
        cases, join("dense/", l.network, "/", l.in, "to", l.out, "_batch", l.rows),
        {{l.rows, l.in}, {l.in, l.out}, {l.out}},
        [a = l.activation](const Tensors& t) { return dense(t[0], t[1], t[2], a); }, 1.0 * l.rows * l.in * l.out);
}

/// "56px_256_batch16"
std::string shape_name(const Shape& shape) { return join(shape[1], "px_", shape[3], "_batch", shape[0]); }

void add_batch_norm(std::vector<KernelCase>& cases) {
  for (const Shape& shape : {Shape{16, 56, 56, 256}, {16, 112, 112, 32}, {16, 7, 7, 2048}}) {
    const int channels = static_cast<int>(shape[3]);
    add_op_cases(cases, join("batch_norm/training/", shape_name(shape)), {shape, {channels}, {channels}},
                 [](const Tensors& t) { return batch_norm(t[0], t[1], t[2], {}, {}); });
    const double bytes = 4.0 * static_cast<double>(shape.size());
    cases.push_back({join("batch_norm/inference/", shape_name(shape), "/forward"), {0, bytes, bytes}, [=]() -> Work {
                       return [x = random_tensor(shape), one = Tensor::ones({channels})] {
                         const NoGrad no_grad;
                         batch_norm(x, one, one, one, one, {.mode = BatchNormMode::inference});
                       };
                     }});
  }
}

void add_pooling(std::vector<KernelCase>& cases) {
  const auto add = [&](const std::string& name, const Shape& shape, const Op& op) {
    add_op_cases(cases, join(name, "/", shape_name(shape)), {shape}, op);
  };
  add("max_pool2d/2x2", {64, 128, 128, 16}, [](const Tensors& t) { return max_pool2d(t[0]); });
  add("max_pool2d/3x3s2", {16, 112, 112, 64},
      [](const Tensors& t) { return max_pool2d(t[0], {.size = 3, .stride = 2, .padding = Padding::same}); });
  add("average_pool2d/2x2", {16, 56, 56, 128}, [](const Tensors& t) { return average_pool2d(t[0]); });
  add("global_average_pool2d/all", {16, 7, 7, 2048}, [](const Tensors& t) { return global_average_pool2d(t[0]); });
}

void add_elementwise(std::vector<KernelCase>& cases) {
  const Shape large{16, 56, 56, 256};
  const std::string shape = shape_name(large);
  for (const Activation activation : {Activation(relu), Activation(relu6), Activation(leaky_relu), Activation(sigmoid),
                                      Activation(hyperbolic_tangent)})
    add_op_cases(cases, join("activation/", mien::name(activation.kind), "/", shape), {large},
                 [=](const Tensors& t) { return activate(t[0], activation); });
  add_op_cases(cases, "add/residual/" + shape, {large, large}, [](const Tensors& t) { return add(t[0], t[1]); });
  add_op_cases(cases, "dropout/half/" + shape, {large}, [](const Tensors& t) {
    static const Tensor step = Tensor::from(std::vector<std::int32_t>{1}, {1});
    return dropout(t[0], 0.5f, step, 1, 1);
  });
  add_op_cases(cases, "zero_pad2d/one/" + shape, {large}, [](const Tensors& t) {
    return zero_pad2d(t[0], {1, 1, 1, 1});
  });
  add_op_cases(cases, "up_sampling2d/2x2/" + shape, {large}, [](const Tensors& t) { return up_sampling2d(t[0]); });
  const Shape pictures{64, 256, 256, 1};
  cases.push_back({"scale_bytes/seed/256px_1_batch64/forward",
                   {0, 1.0 * static_cast<double>(pictures.size()), 4.0 * static_cast<double>(pictures.size())},
                   [=]() -> Work {
                     const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(pictures.size()), 100);
                     return [x = Tensor::from(bytes, pictures)] { scale_bytes(x, 1 / 255.0f); };
                   }});
}

void add_losses(std::vector<KernelCase>& cases) {
  for (const Shape& shape : {Shape{64, 5}, {64, 1000}}) {
    const std::string name = join(shape[1], "classes_batch", shape[0]);
    add_op_cases(cases, "softmax/rows/" + name, {shape}, [](const Tensors& t) { return softmax(t[0]); });
    add_op_cases(cases, "softmax_cross_entropy/labels/" + name, {shape}, [](const Tensors& t) {
      const std::vector<std::int32_t> labels(static_cast<std::size_t>(t[0].shape()[0]), 3);
      return softmax_cross_entropy(t[0], Tensor::from(labels, {t[0].shape()[0]}));
    });
  }
}

/// One step over a weight of the seed network's size. Reads gradient, weight and slots, writes the last two.
void add_optimizers(std::vector<KernelCase>& cases) {
  constexpr std::int64_t size = 2'196'933;
  const auto add = [&](const std::string& name, int slots, const Optimizer& optimizer) {
    const double bytes = 4.0 * size;
    cases.push_back({join("optimizer/", name, "/", size), {0, bytes * (2 + slots), bytes * (1 + slots)}, [=]() -> Work {
                       Tensor weight = random_tensor({size});
                       weight.set_requires_grad(true);
                       accumulate(*weight.node(), random_tensor({size}));
                       const auto bound = std::make_shared<Optimizer>(optimizer);
                       bound->bind({weight});
                       return [weight, bound] { bound->step(); };
                     }});
  };
  add("adam", 2, Adam());
  add("sgd", 0, SGD());
  add("sgd_momentum", 1, SGD({.momentum = 0.9}));
  add("rmsprop", 1, RMSprop());
}

}  // namespace

std::vector<KernelCase> layer_cases() {
  std::vector<KernelCase> cases;
  add_dense(cases);
  add_batch_norm(cases);
  add_pooling(cases);
  add_elementwise(cases);
  add_losses(cases);
  add_optimizers(cases);
  return cases;
}

}  // namespace mien::bench
