// The CPU's convolution: every algorithm under every instruction set of this machine, on shapes
// that fit no tile, against plain double loops.
#include <omp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernel_testing.h"
#include "mien/kernels/algorithm.h"
#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/conv2d_correlate.h"
#include "mien/kernels/cpu/gemm.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"

using namespace mien;
using namespace mien::testing;
using kernels::cpu::InstructionSet;

namespace {

struct Case {
  std::string name;
  Conv2dGeometry g;
};

WindowAxis axis(int input, int kernel, int stride, int dilation, int before, int after) {
  return window_axis({.input = input,
                      .kernel = kernel,
                      .stride = stride,
                      .dilation = dilation,
                      .padding_begin = before,
                      .padding_end = after},
                     Padding::explicit_cells);
}

Conv2dGeometry geometry(int batch, WindowAxis height, WindowAxis width, int in, int out, int groups = 1) {
  return {.batch = batch,
          .height = height,
          .width = width,
          .in_channels = in,
          .out_channels = out,
          .groups = groups,
          .bias = true,
          .activation = {}};
}

std::vector<Case> odd_cases() {
  const auto same = [](int input) { return axis(input, 3, 1, 1, 1, 1); };
  return {
      {"one channel to eight", geometry(2, same(9), same(13), 1, 8)},
      {"eight to sixteen", geometry(2, same(6), same(5), 8, 16)},
      {"sixteen to thirty-three", geometry(1, same(5), same(7), 16, 33)},
      {"three to seventy", geometry(1, same(4), same(4), 3, 70)},
      {"1x1", geometry(2, axis(5, 1, 1, 1, 0, 0), axis(7, 1, 1, 1, 0, 0), 5, 12)},
      {"1x1 stride 2", geometry(2, axis(5, 1, 2, 1, 0, 0), axis(6, 1, 2, 1, 0, 0), 4, 9)},
      {"1x7", geometry(1, axis(4, 1, 1, 1, 0, 0), axis(9, 7, 1, 1, 3, 3), 3, 5)},
      {"7x7 stride 2", geometry(1, axis(15, 7, 2, 1, 2, 3), axis(14, 7, 2, 1, 3, 2), 3, 10)},
      {"stride 3 over kernel 2", geometry(1, axis(11, 2, 3, 1, 0, 0), axis(10, 2, 3, 1, 1, 0), 2, 4)},
      {"dilation", geometry(1, axis(9, 3, 1, 2, 2, 2), axis(10, 3, 1, 3, 1, 3), 1, 6)},
      {"stride and dilation", geometry(1, axis(12, 3, 2, 2, 1, 2), axis(13, 3, 2, 3, 3, 0), 4, 6)},
      {"padding wider than the kernel", geometry(1, axis(3, 2, 1, 1, 4, 3), axis(3, 2, 1, 1, 3, 5), 2, 3)},
      {"cells past the last window", geometry(1, axis(8, 3, 3, 1, 0, 0), axis(9, 4, 3, 1, 0, 0), 2, 3)},
      {"groups", geometry(2, same(5), same(6), 6, 10, 2)},
      {"depthwise", geometry(2, same(6), same(7), 19, 19, 19)},
      {"depthwise stride 2", geometry(1, axis(7, 3, 2, 1, 0, 1), axis(8, 3, 2, 1, 1, 1), 67, 67, 67)},
      {"1x1 of many channels", geometry(1, axis(5, 1, 1, 1, 0, 0), axis(9, 1, 1, 1, 0, 0), 333, 40)},
      {"depthwise, narrower than its kernel", geometry(2, same(2), same(1), 24, 24, 24)},
      {"depthwise without padding", geometry(1, axis(9, 3, 2, 1, 0, 0), axis(18, 3, 2, 1, 0, 0), 32, 32, 32)},
      {"depthwise, two each", geometry(1, same(5), same(5), 5, 10, 5)},
      {"more images than a block", geometry(19, same(4), same(4), 2, 3)},
  };
}

/// Those whose sums are the definition's own: exact on whole numbers.
const Conv2dAlgorithm exact_algorithms[] = {Conv2dAlgorithm::reference, Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm};
const Conv2dAlgorithm all_algorithms[] = {Conv2dAlgorithm::reference, Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm,
                                          Conv2dAlgorithm::winograd, Conv2dAlgorithm::automatic};

std::string label(InstructionSet set, Conv2dAlgorithm algorithm) {
  return std::string(kernels::cpu::name(set)) + ", " + name_of(algorithm);
}

struct Forward {
  Floats y;
  std::vector<std::uint8_t> argmax;
};

Forward forward(const Conv2dGeometry& g, const Floats& x, const Floats& w, const Floats& bias,
                Conv2dAlgorithm algorithm) {
  Forward result{Floats(static_cast<std::size_t>(g.y_size()), not_a_number), {}};
  if (g.pool) result.argmax.assign(result.y.size(), 255);
  kernels::cpu::conv2d_forward(view(x), view(w), view(bias), view(result.y),
                               {result.argmax.data(), static_cast<std::int64_t>(result.argmax.size())}, g, algorithm);
  return result;
}

Floats backward_input(const Conv2dGeometry& g, const Floats& dz, const Floats& w, Conv2dAlgorithm algorithm) {
  Floats dx(static_cast<std::size_t>(g.x_size()), not_a_number);
  kernels::cpu::conv2d_backward_input(view(dz), view(w), view(dx), g, algorithm);
  return dx;
}

Floats backward_weights(const Conv2dGeometry& g, const Floats& x, const Floats& dz, Conv2dAlgorithm algorithm) {
  Floats dw(static_cast<std::size_t>(g.w_size()), not_a_number);
  kernels::cpu::conv2d_backward_weights(view(x), view(dz), view(dw), g, algorithm);
  return dw;
}

struct Gradients {
  reference::Values dx, dw;
};

/// Both gradients, by walking the convolution's definition and handing each product's share back.
Gradients gradients(const Conv2dGeometry& g, const Floats& x, const Floats& w, const Floats& dz) {
  Gradients result{reference::zeros(g.x_size()), reference::zeros(g.w_size())};
  for (int n = 0; n < g.batch; ++n)
    for (int row = 0; row < g.height.output; ++row)
      for (int column = 0; column < g.width.output; ++column)
        for (int i = 0; i < g.height.kernel; ++i)
          for (int j = 0; j < g.width.kernel; ++j) {
            const int x_row = g.height.cell(row, i), x_column = g.width.cell(column, j);
            if (!g.height.inside(x_row) || !g.width.inside(x_column)) continue;
            for (int out = 0; out < g.out_channels; ++out)
              for (int in = 0; in < g.in_per_group(); ++in) {
                const std::size_t x_place =
                    reference::at(n, x_row, x_column, out / g.out_per_group() * g.in_per_group() + in, g.height.input,
                                  g.width.input, g.in_channels);
                const std::size_t w_place =
                    reference::at(i, j, in, out, g.width.kernel, g.in_per_group(), g.out_channels);
                const std::size_t z_place =
                    reference::at(n, row, column, out, g.height.output, g.width.output, g.out_channels);
                result.dx[x_place] += double{dz[z_place]} * w[w_place];
                result.dw[w_place] += double{dz[z_place]} * x[x_place];
              }
          }
  return result;
}

struct Data {
  Floats x, w, bias, dz;
};

Data make_data(const Conv2dGeometry& g, bool whole) {
  return {draw_values(g.x_size(), 1, whole), draw_values(g.w_size(), 2, whole), draw_values(g.out_channels, 3, whole),
          draw_values(g.convolution_size(), 4, whole)};
}

}  // namespace

TEST_CASE("every convolution algorithm agrees with plain double loops under every instruction set") {
  for (const Case& item : odd_cases()) {
    const Data data = make_data(item.g, false);
    const reference::Values y = reference::conv2d(doubled(data.x), doubled(data.w), doubled(data.bias), item.g);
    const Gradients right = gradients(item.g, data.x, data.w, data.dz);
    under_each_instruction_set([&](InstructionSet set) {
      for (const Conv2dAlgorithm algorithm : all_algorithms) {
        INFO(item.name << ", " << label(set, algorithm));
        // Winograd's own bound is held by test_conv2d_winograd.cpp; here it meets shapes that it has to leave alone,
        // too.
        const bool exact = std::ranges::count(exact_algorithms, algorithm) > 0;
        const double tolerance = exact ? 1e-6 : 5e-6;
        CHECK(difference(forward(item.g, data.x, data.w, data.bias, algorithm).y, y) < tolerance);
        CHECK(difference(backward_input(item.g, data.dz, data.w, algorithm), right.dx) < tolerance);
        CHECK(difference(backward_weights(item.g, data.x, data.dz, algorithm), right.dw) < 1e-6);
      }
    });
  }
}

TEST_CASE("on whole numbers every convolution algorithm gives the very same values") {
  for (const Case& item : odd_cases()) {
    const Data data = make_data(item.g, true);
    const reference::Values y = reference::conv2d(doubled(data.x), doubled(data.w), doubled(data.bias), item.g);
    const Gradients right = gradients(item.g, data.x, data.w, data.dz);
    under_each_instruction_set([&](InstructionSet set) {
      for (const Conv2dAlgorithm algorithm : exact_algorithms) {
        INFO(item.name << ", " << label(set, algorithm));
        CHECK(difference(forward(item.g, data.x, data.w, data.bias, algorithm).y, y) == 0);
        CHECK(difference(backward_input(item.g, data.dz, data.w, algorithm), right.dx) == 0);
        CHECK(difference(backward_weights(item.g, data.x, data.dz, algorithm), right.dw) == 0);
      }
    });
  }
}

TEST_CASE("a convolution's bits do not depend on the number of threads") {
  const int before = omp_get_max_threads();
  for (const Case& item : odd_cases()) {
    const Data data = make_data(item.g, false);
    for (const Conv2dAlgorithm algorithm : all_algorithms) {
      INFO(item.name << ", " << name_of(algorithm));
      omp_set_num_threads(1);
      const Floats y = forward(item.g, data.x, data.w, data.bias, algorithm).y;
      const Floats dx = backward_input(item.g, data.dz, data.w, algorithm);
      const Floats dw = backward_weights(item.g, data.x, data.dz, algorithm);
      for (const int threads : {2, 3}) {
        omp_set_num_threads(threads);
        CHECK(forward(item.g, data.x, data.w, data.bias, algorithm).y == y);
        CHECK(backward_input(item.g, data.dz, data.w, algorithm) == dx);
        CHECK(backward_weights(item.g, data.x, data.dz, algorithm) == dw);
      }
    }
  }
  omp_set_num_threads(before);
}

TEST_CASE(
    "the fused epilogue gives the bits of convolution, activation and pool one after the other, and the way back") {
  const Activation activations[] = {{ActivationKind::linear},     {ActivationKind::relu},    {ActivationKind::relu6},
                                    {ActivationKind::leaky_relu}, {ActivationKind::sigmoid}, {ActivationKind::tanh}};
  for (const Case& item : odd_cases()) {
    Data data = make_data(item.g, false);
    if (item.g.height.output < 2 || item.g.width.output < 2) continue;
    for (float& value : data.w) value *= 4.0f;  // so that relu6 reaches its upper corner
    const Pool2dGeometry pool_geometry = {
        .batch = item.g.batch,
        .height = window_axis({.input = item.g.height.output, .kernel = 2, .stride = 2}, Padding::valid),
        .width = window_axis({.input = item.g.width.output, .kernel = 2, .stride = 2}, Padding::valid),
        .channels = item.g.out_channels};
    under_each_instruction_set([&](InstructionSet set) {
      for (const Conv2dAlgorithm algorithm : exact_algorithms)
        for (const Activation activation : activations) {
          INFO(item.name << ", " << label(set, algorithm) << ", activation " << static_cast<int>(activation.kind));
          const Floats z = forward(item.g, data.x, data.w, data.bias, algorithm).y;
          Conv2dGeometry fused = item.g;
          fused.activation = activation;
          Floats activated(z.size());
          if (algorithm == Conv2dAlgorithm::reference)  // plain loops to the end: no vectorised sigmoid or tanh
            std::transform(z.begin(), z.end(), activated.begin(),
                           [&](float value) { return activate(value, activation); });
          else
            kernels::cpu::activation_forward(view(std::as_const(z)), view(activated), activation);
          CHECK(forward(fused, data.x, data.w, data.bias, algorithm).y == activated);

          fused.pool = true;
          const Forward pooled = forward(fused, data.x, data.w, data.bias, algorithm);
          const reference::MaxPool pool = reference::max_pool2d(doubled(activated), pool_geometry);
          CHECK(doubled(pooled.y) == pool.y);
          bool argmax_right = true;
          Floats dz_right(z.size(), 0.0f), dz(z.size(), not_a_number);
          const Floats dy = draw_values(fused.y_size(), 5, false);
          for (std::size_t i = 0; i < pooled.y.size(); ++i) {
            const float slope = activation_slope(pooled.y[i], activation);
            argmax_right = argmax_right && pooled.argmax[i] == (slope == 0.0f ? argmax_killed : pool.argmax[i]);
            if (slope == 0.0f) continue;
            const std::size_t channel = i % static_cast<std::size_t>(fused.out_channels);
            const std::size_t window = i / static_cast<std::size_t>(fused.out_channels);
            const auto y_width = static_cast<std::size_t>(fused.y_width());
            const auto y_height = static_cast<std::size_t>(fused.y_height());
            dz_right[reference::at(static_cast<std::int64_t>(window / y_width / y_height),
                                   static_cast<std::int64_t>(window / y_width % y_height * 2) + pool.argmax[i] / 2,
                                   static_cast<std::int64_t>(window % y_width * 2) + pool.argmax[i] % 2,
                                   static_cast<std::int64_t>(channel), fused.height.output, fused.width.output,
                                   fused.out_channels)] = dy[i] * slope;
          }
          CHECK(argmax_right);
          kernels::cpu::conv2d_epilogue_backward(
              view(pooled.y), {pooled.argmax.data(), static_cast<std::int64_t>(pooled.argmax.size())}, view(dy),
              view(dz), fused);
          CHECK(dz == dz_right);
        }
    });
  }
}

TEST_CASE("a NaN in the image reaches every convolution's result through activation and pool") {
  const WindowAxis side = axis(8, 3, 1, 1, 1, 1);
  for (const int groups : {1, 20})
    for (const ActivationKind kind : {ActivationKind::linear, ActivationKind::relu, ActivationKind::relu6,
                                      ActivationKind::leaky_relu, ActivationKind::sigmoid, ActivationKind::tanh}) {
      Conv2dGeometry g = geometry(1, side, side, 20, 20, groups);
      g.activation = {kind};
      g.pool = true;
      Data data = make_data(g, false);
      data.x[static_cast<std::size_t>(3 * 8 + 3) * 20 + 7] = not_a_number;
      under_each_instruction_set([&](InstructionSet set) {
        for (const Conv2dAlgorithm algorithm : all_algorithms) {
          INFO(label(set, algorithm) << ", groups " << groups << ", activation " << static_cast<int>(kind));
          const Forward result = forward(g, data.x, data.w, data.bias, algorithm);
          const std::size_t window = static_cast<std::size_t>(1 * 4 + 1) * 20;
          CHECK(std::isnan(result.y[window + 7]));
          CHECK(result.argmax[window + 7] == 0);
          CHECK(std::isnan(result.y[window]) == (groups == 1));
          CHECK_FALSE(std::isnan(result.y[static_cast<std::size_t>(3 * 4 + 3) * 20 + 7]));
        }
      });
    }
}

TEST_CASE("automatic is the algorithm that the rule names for each pass, to the bit") {
  for (const Case& item : odd_cases()) {
    INFO(item.name);
    const Data data = make_data(item.g, false);
    const auto chosen = [&](Conv2dPass pass) {
      Conv2dGeometry g = item.g;
      g.pool &= pass == Conv2dPass::forward;  // the gradient given below is dense
      const Conv2dAlgorithm algorithm = kernels::cpu::choose_conv2d_algorithm(g, pass);
      REQUIRE(algorithm != Conv2dAlgorithm::automatic);
      return algorithm;
    };
    constexpr Conv2dAlgorithm automatic = Conv2dAlgorithm::automatic;
    CHECK(forward(item.g, data.x, data.w, data.bias, automatic).y ==
          forward(item.g, data.x, data.w, data.bias, chosen(Conv2dPass::forward)).y);
    CHECK(backward_input(item.g, data.dz, data.w, automatic) ==
          backward_input(item.g, data.dz, data.w, chosen(Conv2dPass::backward_input)));
    CHECK(backward_weights(item.g, data.x, data.dz, automatic) ==
          backward_weights(item.g, data.x, data.dz, chosen(Conv2dPass::backward_weights)));
  }
}

TEST_CASE("a pooled map is the same where nobody wants the argmax bytes, and from prepared weights") {
  for (const Case& item : odd_cases())
    for (const bool pool : {false, true}) {
      Conv2dGeometry g = item.g;
      if (pool && (g.height.output < 2 || g.width.output < 2)) continue;
      g.activation = {ActivationKind::relu};
      g.pool = pool;
      const Data data = make_data(g, false);
      under_each_instruction_set([&](InstructionSet set) {
        for (const Conv2dAlgorithm algorithm : all_algorithms) {
          INFO(item.name << ", " << label(set, algorithm) << (pool ? ", pooled" : ""));
          const Floats y = forward(g, data.x, data.w, data.bias, algorithm).y;
          Floats alone(y.size(), not_a_number), from_prepared(y.size(), not_a_number);
          kernels::cpu::conv2d_forward(view(data.x), view(data.w), view(data.bias), view(alone), {}, g, algorithm);
          CHECK(alone == y);
          std::int64_t size = 0;
          kernels::cpu::conv2d_prepared_size(g, algorithm, &size);
          Floats prepared(static_cast<std::size_t>(size), not_a_number);
          kernels::cpu::conv2d_prepare(view(data.w), view(prepared), g, algorithm);
          kernels::cpu::conv2d_forward_prepared(view(data.x), view(prepared), view(data.bias), {}, view(from_prepared),
                                                g, algorithm);
          CHECK(from_prepared == y);
        }
      });
    }
}

TEST_CASE("a residual is added before the activation, to the same bits as in passes of their own") {
  for (const Case& item : odd_cases()) {
    Conv2dGeometry g = item.g;
    g.pool = false;
    g.activation = {ActivationKind::relu};
    const Data data = make_data(g, false);
    const Floats residual = draw_values(g.y_size(), 5, false);
    under_each_instruction_set([&](InstructionSet set) {
      for (const Conv2dAlgorithm algorithm : all_algorithms) {
        INFO(item.name << ", " << label(set, algorithm));
        Conv2dGeometry sums = g;
        sums.activation = {};
        Floats expected = forward(sums, data.x, data.w, data.bias, algorithm).y;
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = std::max(expected[i] + residual[i], 0.0f);
        std::int64_t size = 0;
        kernels::cpu::conv2d_prepared_size(g, algorithm, &size);
        Floats prepared(static_cast<std::size_t>(size), not_a_number), y(expected.size(), not_a_number);
        kernels::cpu::conv2d_prepare(view(data.w), view(prepared), g, algorithm);
        kernels::cpu::conv2d_forward_prepared(view(data.x), view(prepared), view(data.bias), view(residual), view(y), g,
                                              algorithm);
        CHECK(y == expected);
      }
    });
  }
}

TEST_CASE("direct and gemm add in the same order: their bits are the same") {
  for (const Case& item : odd_cases()) {
    INFO(item.name);
    const Data data = make_data(item.g, false);
    constexpr Conv2dAlgorithm direct = Conv2dAlgorithm::direct, gemm = Conv2dAlgorithm::gemm;
    CHECK(forward(item.g, data.x, data.w, data.bias, direct).y == forward(item.g, data.x, data.w, data.bias, gemm).y);
    CHECK(backward_input(item.g, data.dz, data.w, direct) == backward_input(item.g, data.dz, data.w, gemm));
    CHECK(backward_weights(item.g, data.x, data.dz, direct) == backward_weights(item.g, data.x, data.dz, gemm));
  }
}

TEST_CASE("weights packed beforehand give a convolution's bits, at any batch") {
  for (const Case& item : odd_cases()) {
    const Data data = make_data(item.g, false);
    under_each_instruction_set([&](InstructionSet set) {
      INFO(item.name << ", " << kernels::cpu::name(set));
      Conv2dGeometry one_image = item.g;
      one_image.batch = 1;
      Floats packed(static_cast<std::size_t>(kernels::cpu::packed_weights_size(one_image)), not_a_number);
      kernels::cpu::pack_conv2d_weights(data.w.data(), one_image, packed.data());
      for (const bool gather_patches : {false, true}) {
        Floats y(static_cast<std::size_t>(item.g.y_size()), not_a_number);
        kernels::cpu::conv2d_forward_blocked(view(data.x), view(data.w), view(data.bias), view(y), {}, item.g,
                                             gather_patches, packed.empty() ? nullptr : packed.data());
        CHECK(y == forward(item.g, data.x, data.w, data.bias, Conv2dAlgorithm::direct).y);
      }
    });
  }
}
