// The CPU's convolutions and matrix products on both sides of the rules by which they divide their work: how wide a
// panel is, whether a task meets several images, who packs the weights, what is streamed past the caches. Whole
// numbers, so that every order of adding gives the same values, against the plain loops of `reference`.
#include <omp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernel_testing.h"
#include "mien/kernels/cpu/caches.h"
#include "mien/kernels/cpu/gemm.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"

using namespace mien;
using namespace mien::testing;
using kernels::cpu::InstructionSet;

namespace {

/// From -4 to 4, whole or not.
Floats values(std::int64_t size, std::uint64_t stream, bool whole) {
  Floats result(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < result.size(); ++i) {
    const float value = uniform_from_word(philox_word(11, stream, i)) * 9.0f - 4.0f;
    result[i] = whole ? std::floor(value) : value;
  }
  return result;
}

Conv2dGeometry geometry(int batch, int height, int width, int kernel, int stride, Padding padding, int in, int out,
                        int groups = 1) {
  return {.batch = batch,
          .height = window_axis({.input = height, .kernel = kernel, .stride = stride}, padding),
          .width = window_axis({.input = width, .kernel = kernel, .stride = stride}, padding),
          .in_channels = in,
          .out_channels = out,
          .groups = groups,
          .bias = true,
          .activation = {ActivationKind::relu}};
}

struct Results {
  Floats y, dx, dw;
};

struct Operands {
  Floats x, w, bias, dz;
};

Operands operands(const Conv2dGeometry& g, bool whole) {
  return {values(g.x_size(), 1, whole), values(g.w_size(), 2, whole), values(g.out_channels, 3, whole),
          values(g.convolution_size(), 4, whole)};
}

Results convolve(const Conv2dGeometry& g, const Operands& data, Conv2dAlgorithm algorithm) {
  Results results = {Floats(static_cast<std::size_t>(g.y_size()), not_a_number), Floats(data.x.size(), not_a_number),
                     Floats(data.w.size(), not_a_number)};
  kernels::cpu::conv2d_forward(view(data.x), view(data.w), view(data.bias), view(results.y), {}, g, algorithm);
  kernels::cpu::conv2d_backward_input(view(data.dz), view(data.w), view(results.dx), g, algorithm);
  kernels::cpu::conv2d_backward_weights(view(data.x), view(data.dz), view(results.dw), g, algorithm);
  return results;
}

void check_against_plain_loops(const std::string& name, const Conv2dGeometry& g) {
  INFO(name);
  const Operands data = operands(g, true);
  const Results right = convolve(g, data, Conv2dAlgorithm::reference);
  under_each_instruction_set([&](InstructionSet set) {
    INFO(kernels::cpu::name(set));
    for (const Conv2dAlgorithm algorithm : {Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm}) {
      const Results got = convolve(g, data, algorithm);
      CHECK(got.y == right.y);
      CHECK(got.dx == right.dx);
      CHECK(got.dw == right.dw);
    }
  });
}

constexpr Padding same = Padding::same, valid = Padding::valid;

}  // namespace

TEST_CASE("channels that fill one, one and a half, or two vectors are all computed") {
  for (const int out : {7, 8, 9, 15, 16, 17, 24, 25, 32, 33, 40, 56, 57, 96})
    check_against_plain_loops(std::to_string(out) + " channels", geometry(1, 5, 5, 3, 1, same, 5, out));
}

TEST_CASE("a task that meets several small images computes each as if it were alone") {
  for (const int side : {1, 2, 7, 13, 14})
    for (const int kernel : {1, 3})
      for (const int stride : {1, 2})
        for (const Padding padding : {same, valid}) {
          if (padding == valid && side < kernel) continue;
          check_against_plain_loops(
              std::to_string(side) + " wide, kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride),
              geometry(5, side, side, kernel, stride, padding, 13, 9));
        }
}

TEST_CASE("many channels are divided among tasks and blocks, with weights packed by the task or for all of them") {
  check_against_plain_loops("one task of positions, many of channels", geometry(1, 3, 3, 3, 1, same, 10, 300));
  check_against_plain_loops("several tasks of positions", geometry(1, 30, 30, 3, 1, same, 10, 70));
  check_against_plain_loops("weights deeper than a block holds", geometry(2, 3, 3, 3, 1, same, 470, 70));
  check_against_plain_loops("groups of many channels", geometry(3, 4, 4, 3, 1, same, 80, 150, 2));
  check_against_plain_loops("more source channels than a task of the weight gradient has, 3x3",
                            geometry(2, 7, 7, 3, 1, same, 130, 20));
  check_against_plain_loops("and 1x1", geometry(2, 7, 7, 1, 1, valid, 450, 140));
}

TEST_CASE("depthwise positions share what they read, at the border too, at any stride, dilation and width") {
  for (const int width : {1, 2, 3, 4, 9, 10, 13, 20})
    for (const int kernel : {1, 2, 3, 5})
      for (const int stride : {1, 2, 3})
        check_against_plain_loops(
            std::to_string(width) + " wide, kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride),
            geometry(2, 5, width, kernel, stride, same, 21, 21, 21));
  Conv2dGeometry dilated = geometry(2, 9, 12, 3, 1, same, 37, 37, 37);
  for (WindowAxis* const axis : {&dilated.height, &dilated.width})
    *axis = window_axis({.input = axis->input, .kernel = 3, .dilation = 2}, same);
  check_against_plain_loops("dilation 2", dilated);
}

TEST_CASE("results that are streamed past the caches are the same, aligned or not") {
  const auto is_large = [](const Conv2dGeometry& g) { return g.convolution_size() > kernels::cpu::cached_floats; };
  for (const int channels : {64, 65}) {
    const Conv2dGeometry wide = geometry(1, 256, 260, 1, 1, valid, 2, channels);
    REQUIRE(is_large(wide));
    check_against_plain_loops("1x1 to " + std::to_string(channels), wide);
    const Conv2dGeometry depthwise = geometry(2, 200, 170, 3, 1, same, channels, channels, channels);
    REQUIRE(is_large(depthwise));
    check_against_plain_loops("depthwise " + std::to_string(channels), depthwise);
  }
}

TEST_CASE("an image's result does not depend on the images beside it, nor a gradient on the number of threads") {
  const int before = omp_get_max_threads();
  for (const int groups : {1, 24}) {
    const Conv2dGeometry g = geometry(5, 7, 7, 3, 1, same, 24, 24, groups);
    Conv2dGeometry one = g;
    one.batch = 1;
    const Operands data = operands(g, false);
    omp_set_num_threads(1);
    const Results all = convolve(g, data, Conv2dAlgorithm::direct);
    for (const int threads : {2, 3}) {
      omp_set_num_threads(threads);
      const Results again = convolve(g, data, Conv2dAlgorithm::direct);
      CHECK(again.y == all.y);
      CHECK(again.dx == all.dx);
      CHECK(again.dw == all.dw);
    }
    const auto part = [](const Floats& floats, std::int64_t size, int image) {
      return Floats(floats.begin() + image * size, floats.begin() + (image + 1) * size);
    };
    for (int image = 0; image < g.batch; ++image) {
      Operands alone = data;
      alone.x = part(data.x, one.x_size(), image);
      alone.dz = part(data.dz, one.convolution_size(), image);
      const Results got = convolve(one, alone, Conv2dAlgorithm::direct);
      CHECK(got.y == part(all.y, one.y_size(), image));
      CHECK(got.dx == part(all.dx, one.x_size(), image));
    }
  }
  omp_set_num_threads(before);
}

TEST_CASE("a row of a matrix product has the same bits alone, among few and among many") {
  const int before = omp_get_max_threads();
  constexpr int rows = 30;
  for (const int n : {1, 5, 40, 600})
    for (const int k : {1, 3, 64, 256, 257, 700})
      for (const bool transpose_b : {false, true}) {
        const Floats a = values(std::int64_t{rows} * k, 1, false), b = values(std::int64_t{k} * n, 2, false);
        under_each_instruction_set([&](InstructionSet set) {
          INFO(kernels::cpu::name(set));
          Floats all(static_cast<std::size_t>(rows) * static_cast<std::size_t>(n), not_a_number);
          kernels::cpu::multiply(a.data(), b.data(), all.data(), {rows, n, k, false, transpose_b});
          for (const int m : {1, kernels::cpu::few_rows, kernels::cpu::few_rows + 1, 12, 13})
            for (const int threads : {1, 3}) {
              omp_set_num_threads(threads);
              INFO(m << " of " << n << " x " << k << (transpose_b ? ", transposed" : ""));
              Floats some(static_cast<std::size_t>(m) * static_cast<std::size_t>(n), not_a_number);
              kernels::cpu::multiply(a.data(), b.data(), some.data(), {m, n, k, false, transpose_b});
              CHECK(std::equal(some.begin(), some.end(), all.begin()));
            }
        });
      }
  omp_set_num_threads(before);
}

TEST_CASE("a matrix product is right for every transpose and odd shape, with the same bits on any number of threads") {
  const int before = omp_get_max_threads();
  const int shapes[][3] = {{1, 1, 1}, {1, 40, 300}, {13, 37, 70}, {200, 9, 33}, {30, 130, 600}, {5, 7, 257}};
  for (const auto& [m, n, k] : shapes)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const bool whole : {false, true}) {
          const MatmulGeometry g = {m, n, k, transpose_a, transpose_b};
          const Floats a = draw_values(std::int64_t{m} * k, 1, whole), b = draw_values(std::int64_t{k} * n, 2, whole);
          const reference::Values right = reference::matmul(doubled(a), doubled(b), g);
          under_each_instruction_set([&](InstructionSet set) {
            INFO(kernels::cpu::name(set) << ", " << g.m << "x" << g.n << "x" << g.k << ", " << transpose_a
                                         << transpose_b);
            Floats first;
            for (const int threads : {1, 2, 3}) {
              omp_set_num_threads(threads);
              Floats c(right.size(), not_a_number);
              kernels::cpu::matmul(view(a), view(b), view(c), g);
              CHECK(difference(c, right) <= (whole ? 0.0 : 1e-6));
              if (first.empty()) first = c;
              CHECK(c == first);
            }
          });
        }
  omp_set_num_threads(before);
}

TEST_CASE("a dense layer is product, bias and activation") {
  const DenseGeometry g = {.rows = 7, .in = 50, .out = 21, .bias = true, .activation = {ActivationKind::relu}};
  const Floats x = draw_values(7 * 50, 1, true), w = draw_values(50 * 21, 2, true), bias = draw_values(21, 3, true);
  Floats y(7 * 21, not_a_number);
  kernels::cpu::dense_forward(view(x), view(w), view(bias), view(y), g);
  CHECK(difference(y, reference::dense(doubled(x), doubled(w), doubled(bias), g)) == 0);
}

TEST_CASE("weights packed beforehand give a dense layer's bits, at any number of rows") {
  for (const int rows : {1, 3, 13, 70}) {
    const DenseGeometry g = {.rows = rows, .in = 301, .out = 85, .bias = true, .activation = {ActivationKind::tanh}};
    const Floats x = draw_values(std::int64_t{rows} * g.in, 1, false), bias = draw_values(g.out, 3, false),
                 w = draw_values(std::int64_t{g.in} * g.out, 2, false);
    under_each_instruction_set([&](InstructionSet set) {
      INFO(rows << " rows, " << kernels::cpu::name(set));
      DenseGeometry one_row = g;
      one_row.rows = 1;
      Floats packed(static_cast<std::size_t>(kernels::cpu::packed_weights_size(one_row)), not_a_number);
      kernels::cpu::pack_dense_weights(w.data(), one_row, packed.data());
      Floats y(static_cast<std::size_t>(rows) * static_cast<std::size_t>(g.out), not_a_number), y_packed = y;
      kernels::cpu::dense_forward(view(x), view(w), view(bias), view(y), g);
      kernels::cpu::dense_forward_packed(view(x), view(w), packed.data(), view(bias), view(y_packed), g);
      CHECK(y_packed == y);
    });
  }
}
