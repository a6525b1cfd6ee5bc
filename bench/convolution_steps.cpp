// bench_steps: one layer of the seed network, from plain loops to fewer multiplications than its definition has: the
// measured side of docs/how_a_convolution_gets_fast.md, one line of output for each step of the chapter.
//
//   bench_steps [IN OUT SIZE [BATCH]]      16 32 64 64 if not given: the third convolution
//
// Every step computes relu and a 2x2 max-pool behind a 3x3 "same" convolution, or the way back through them. Steps take
// turns, and the median of their turns counts.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "mien/bench/roofline.h"
#include "mien/core/numbers.h"
#include "mien/examples/expressions/environment.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/mien.h"

namespace mien::bench {
namespace {

using kernels::cpu::InstructionSet;

struct Step {
  std::string name, why;
  InstructionSet instructions;
  std::function<void()> work;
  bool slow = false;  ///< plain loops: a single turn will do
  std::vector<double> seconds = {};
};

/// The layer and what is known of it.
struct Layer3x3 {
  Tensor x, w, bias, y, argmax, dy, dz, dx, dw, dbias;
  Conv2dGeometry plain, fused;
};

Tensor spread(const Shape& shape, std::uint64_t which, float scale) {
  Random random(1, Purpose::test, which);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (float& value : values) value = random.uniform(-scale, scale);
  return Tensor::from(values, shape);
}

Layer3x3 make_layer(int in, int out, int size, int batch) {
  Layer3x3 layer;
  const float scale = std::sqrt(6.0f / static_cast<float>(9 * in));  // the variance stays as it is from layer to layer
  layer.x = spread({batch, size, size, in}, 1, 1);
  layer.w = spread({3, 3, in, out}, 2, scale);
  layer.bias = Tensor::full({out}, -0.8f);  // about a standard deviation of the sums: relu kills half of the maxima
  Conv2dOptions options{.padding = Padding::same};
  layer.plain = conv2d_geometry(layer.x.shape(), layer.w.shape(), layer.bias.shape(), options);
  options.activation = relu, options.pool = true;
  layer.fused = conv2d_geometry(layer.x.shape(), layer.w.shape(), layer.bias.shape(), options);
  const Shape pooled{batch, size / 2, size / 2, out};
  layer.y = Tensor::empty(pooled);
  layer.argmax = Tensor::empty(pooled, Device::cpu, DType::uint8);
  layer.dy = spread(pooled, 4, 1);
  layer.dz = Tensor::empty({batch, size, size, out});
  layer.dx = Tensor::empty(layer.x.shape());
  layer.dw = Tensor::empty(layer.w.shape());
  layer.dbias = Tensor::empty({out});
  return layer;
}

void unfused(const Layer3x3& layer, Conv2dAlgorithm algorithm) {
  const NoGrad no_grad;
  max_pool2d(relu(conv2d(layer.x, layer.w, layer.bias, {.padding = Padding::same, .algorithm = algorithm})), {});
}

void fused(Layer3x3& layer, Conv2dAlgorithm algorithm) {
  kernels::cpu::conv2d_forward(layer.x.view(), layer.w.view(), layer.bias.view(), layer.y.view(),
                               layer.argmax.view<std::uint8_t>(), layer.fused, algorithm);
}

/// Spreads the pooled gradient out over its windows, then goes back through the convolution as if there were no zeros.
void dense_gradients(Layer3x3& layer, Conv2dAlgorithm algorithm) {
  const Layer3x3& kept = layer;
  kernels::cpu::conv2d_epilogue_backward(kept.y.view(), kept.argmax.view<std::uint8_t>(), kept.dy.view(),
                                         layer.dz.view(), layer.fused);
  kernels::cpu::conv2d_backward_input(kept.dz.view(), kept.w.view(), layer.dx.view(), layer.plain, algorithm);
  kernels::cpu::conv2d_backward_weights(kept.x.view(), kept.dz.view(), layer.dw.view(), layer.plain, algorithm);
}

void sparse_gradients(Layer3x3& layer) {
  const Layer3x3& kept = layer;
  const auto argmax = kept.argmax.view<std::uint8_t>();
  kernels::cpu::conv2d_sparse_backward_input(argmax, kept.dy.view(), kept.w.view(), layer.dx.view(), layer.fused);
  kernels::cpu::conv2d_sparse_backward_weights(kept.x.view(), argmax, kept.dy.view(), layer.dw.view(),
                                               layer.dbias.view(), layer.fused);
}

std::vector<Step> forward_steps(Layer3x3& layer) {
  const std::vector<InstructionSet> sets = kernels::cpu::supported_instruction_sets();
  const InstructionSet narrowest = sets.front(), widest = sets.back();
  const auto plain = [&layer](Conv2dAlgorithm algorithm) { return [&layer, algorithm] { unfused(layer, algorithm); }; };
  std::vector<Step> steps{
      {"plain loops", "reference", narrowest, plain(Conv2dAlgorithm::reference), true},
      {"blocked", "gemm, " + std::string(kernels::cpu::name(narrowest)), narrowest, plain(Conv2dAlgorithm::gemm)}};
  for (const InstructionSet set : sets)
    if (set != narrowest)
      steps.push_back(
          {"vectorised", "gemm, " + std::string(kernels::cpu::name(set)), set, plain(Conv2dAlgorithm::gemm)});
  steps.push_back({"in place", "direct", widest, plain(Conv2dAlgorithm::direct)});
  steps.push_back({"fused", "direct, with relu and pool", widest, [&] { fused(layer, Conv2dAlgorithm::direct); }});
  steps.push_back(
      {"Winograd", "winograd, with relu and pool", widest, [&] { fused(layer, Conv2dAlgorithm::winograd); }});
  return steps;
}

std::vector<Step> backward_steps(Layer3x3& layer) {
  const std::vector<InstructionSet> sets = kernels::cpu::supported_instruction_sets();
  const auto dense = [&layer](Conv2dAlgorithm algorithm) {
    return [&layer, algorithm] { dense_gradients(layer, algorithm); };
  };
  return {{"plain loops", "reference", sets.front(), dense(Conv2dAlgorithm::reference), true},
          {"dense", "direct", sets.back(), dense(Conv2dAlgorithm::direct)},
          {"sparse", "from what the pool let through", sets.back(), [&] { sparse_gradients(layer); }}};
}

double run_once(Step& step) {
  kernels::cpu::use_instruction_set(step.instructions);
  const auto start = std::chrono::steady_clock::now();
  step.work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(std::vector<Step>& steps) {
  constexpr int turns = 15;
  for (Step& step : steps)
    if (!step.slow) run_once(step);  // the first run allocates
  for (int turn = 0; turn < turns; ++turn)
    for (Step& step : steps)
      if (!step.slow || turn == 0) step.seconds.push_back(run_once(step));
}

void print(std::vector<Step>& steps, double multiply_adds, double peak) {
  double before = 0;
  std::printf(
      "| step | kernel | ms | GFLOP/s of the dense sum | of the peak | times the step before "
      "|\n|---|---|---|---|---|---|\n");
  for (Step& step : steps) {
    std::nth_element(step.seconds.begin(), step.seconds.begin() + static_cast<std::ptrdiff_t>(step.seconds.size() / 2),
                     step.seconds.end());
    const double seconds = step.seconds[step.seconds.size() / 2], gflops = 2 * multiply_adds / seconds / 1e9;
    std::printf("| %s | `%s` | %s | %s | %s %% | %s |\n", step.name.c_str(), step.why.c_str(),
                fixed(seconds * 1e3, 2).c_str(), fixed(gflops, 1).c_str(), fixed(gflops / peak * 100, 0).c_str(),
                before > 0 ? fixed(before / seconds, 2).c_str() : "");
    before = seconds;
  }
}

int run(int count, char** arguments) {
  int numbers[] = {16, 32, 64, 64};
  const bool asked = count > 1 && (std::string(arguments[1]) == "--help" || std::string(arguments[1]) == "-h");
  if (asked || count == 2 || count == 3 || count > 5) {
    std::printf("usage: bench_steps [IN OUT SIZE [BATCH]]\nexample: bench_steps 8 16 128 64\n");
    return asked ? 0 : 2;
  }
  for (int i = 1; i < count; ++i) numbers[i - 1] = std::stoi(arguments[i]);
  const auto [in, out, size, batch] = numbers;
  check(in > 0 && out > 0 && batch > 0 && size >= 2, "bench_steps",
        "channels and batch must be positive, the size at least 2.");
  const Roofline roofline = measure_roofline(threads());
  Layer3x3 layer = make_layer(in, out, size, batch);
  std::printf("%d images of %dx%d, %d to %d channels, %d threads; peak %s GFLOP/s\n\n", batch, size, size, in, out,
              roofline.threads, fixed(roofline.gflops, 0).c_str());
  std::vector<Step> forward = forward_steps(layer), backward = backward_steps(layer);
  measure(forward);
  std::printf("Forward\n\n");
  print(forward, static_cast<double>(layer.plain.multiply_adds()), roofline.gflops);
  measure(backward);
  const std::vector<std::uint8_t> taken = layer.argmax.to_vector<std::uint8_t>();
  const auto killed = std::count(taken.begin(), taken.end(), argmax_killed);
  std::printf("\nBackward, both gradients; %s %% of the pooled values killed by the relu\n\n",
              fixed(100.0 * static_cast<double>(killed) / static_cast<double>(taken.size()), 0).c_str());
  print(backward, 2.0 * static_cast<double>(layer.plain.multiply_adds()), roofline.gflops);
  return 0;
}

}  // namespace
}  // namespace mien::bench

int main(int count, char** arguments) {
  mien::expressions::pin_threads(arguments);
  try {
    return mien::bench::run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
