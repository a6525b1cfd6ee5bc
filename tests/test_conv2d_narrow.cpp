// The direct convolution for one input channel: to the bit what Conv2dAlgorithm::direct gives, with every epilogue,
// under every instruction set of this machine.
#include <omp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernel_testing.h"
#include "mien/kernels/algorithm.h"
#include "mien/kernels/cpu/conv2d_narrow.h"
#include "mien/kernels/cpu/conv2d_octets.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"

using namespace mien;
using namespace mien::testing;
using kernels::cpu::InstructionSet;

namespace {

/// Uniform in [-scale, scale).
Floats uniform_values(std::int64_t size, std::uint64_t stream, float scale) {
  Floats values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = scale * (2.0f * uniform_from_word(philox_word(13, stream, i)) - 1.0f);
  return values;
}

Conv2dGeometry geometry(int batch, WindowAxis height, WindowAxis width, int out) {
  return {.batch = batch,
          .height = height,
          .width = width,
          .in_channels = 1,
          .out_channels = out,
          .bias = true,
          .activation = {}};
}

std::vector<Conv2dGeometry> geometries() {
  std::vector<Conv2dGeometry> all;
  for (int size = 2; size <= 9; ++size) {
    all.push_back(geometry(3, axis_of_three(size, 1, 1), axis_of_three(11 - size, 1, 1), 8));
    all.push_back(geometry(1, axis_of_three(size, 0, 3), axis_of_three(11 - size, 4, 1), 5));
  }
  for (const int out : {1, 2, 3, 4, 7, 16, 33})
    all.push_back(geometry(2, axis_of_three(7, 0, 0), axis_of_three(12, 1, 1), out));
  all.push_back(geometry(2, axis_of_three(41, 1, 1), axis_of_three(67, 1, 1), 8));
  all.push_back(geometry(17, axis_of_three(6, 1, 1), axis_of_three(35, 2, 0), 8));
  all.push_back(geometry(1, axis_of_three(1, 1, 1), axis_of_three(70, 1, 1), 4));
  all.push_back(geometry(1, axis_of_three(2, 7, 6), axis_of_three(3, 5, 8), 3));
  all.push_back(geometry(1, axis_of_three(2, 7, 6), axis_of_three(3, 5, 8), 24));
  all.push_back(geometry(2, axis_of_three(39, 0, 2), axis_of_three(30, 3, 0), 24));
  return all;
}

std::string label(const Conv2dGeometry& g, InstructionSet set) {
  return std::string(kernels::cpu::name(set)) + ", " + std::to_string(g.height.input) + "x" +
         std::to_string(g.width.input) + " to " + std::to_string(g.out_channels) + ", activation " +
         std::to_string(static_cast<int>(g.activation.kind)) + (g.pool ? ", pooled" : "");
}

struct Data {
  Floats x, w, bias;
};

Data make_data(const Conv2dGeometry& g) {
  return {uniform_values(g.x_size(), 1, 1.0f), uniform_values(g.w_size(), 2, 4.0f),
          uniform_values(g.bias ? g.out_channels : 0, 3, 1.0f)};
}

struct Forward {
  Floats y;
  std::vector<std::uint8_t> argmax;

  View<std::uint8_t> places() { return {argmax.data(), static_cast<std::int64_t>(argmax.size())}; }
};

Forward poisoned(const Conv2dGeometry& g) {
  Forward result{Floats(static_cast<std::size_t>(g.y_size()), not_a_number), {}};
  if (g.pool) result.argmax.assign(result.y.size(), 255);
  return result;
}

Forward narrow(const Conv2dGeometry& g, const Data& data) {
  Forward result = poisoned(g);
  kernels::cpu::conv2d_forward_narrow(view(data.x), view(data.w), view(data.bias), view(result.y), result.places(), g);
  return result;
}

/// By the general kernels in the order that `direct` promises: `gemm` shares it, and never takes a shortcut.
Forward direct(const Conv2dGeometry& g, const Data& data) {
  Forward result = poisoned(g);
  kernels::cpu::conv2d_forward(view(data.x), view(data.w), view(data.bias), view(result.y), result.places(), g,
                               Conv2dAlgorithm::gemm);
  return result;
}

/// Whether they are equal to the bit, every NaN counting as the same.
bool same(const Forward& a, const Forward& b) {
  return a.argmax == b.argmax &&
         std::equal(a.y.begin(), a.y.end(), b.y.begin(), b.y.end(), [](float left, float right) {
           return std::memcmp(&left, &right, sizeof left) == 0 || (std::isnan(left) && std::isnan(right));
         });
}

/// Calls body(g) for every epilogue round the convolution g.
template <class Body>
void with_each_epilogue(Conv2dGeometry g, const Body& body) {
  for (const ActivationKind kind : {ActivationKind::linear, ActivationKind::relu, ActivationKind::relu6,
                                    ActivationKind::leaky_relu, ActivationKind::sigmoid, ActivationKind::tanh})
    for (const bool pool : {false, true})
      for (const bool bias : {false, true}) {
        g.activation = {kind};
        g.pool = pool;
        g.bias = bias;
        body(g);
      }
}

}  // namespace

TEST_CASE("a convolution of one channel agrees with plain double loops under every instruction set") {
  for (Conv2dGeometry g : geometries()) {
    const Data data = make_data(g);
    const reference::Values right = reference::conv2d({data.x.begin(), data.x.end()}, {data.w.begin(), data.w.end()},
                                                      {data.bias.begin(), data.bias.end()}, g);
    under_each_instruction_set([&](InstructionSet set) {
      INFO(label(g, set));
      const Floats y = narrow(g, data).y;
      REQUIRE(y.size() == right.size());
      double worst = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double error = std::abs(y[i] - right[i]);
        worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
      }
      CHECK(worst < 1e-5);
    });
  }
}

TEST_CASE("a convolution of one channel equals the direct kernel to the bit, whatever follows it") {
  for (const Conv2dGeometry& shape : geometries())
    with_each_epilogue(shape, [&](const Conv2dGeometry& g) {
      REQUIRE(kernels::cpu::narrow_fits(g));
      const Data data = make_data(g);
      under_each_instruction_set([&](InstructionSet set) {
        INFO(label(g, set));
        CHECK(same(narrow(g, data), direct(g, data)));
      });
    });
}

TEST_CASE("a NaN in an image of one channel reaches the convolution's result as in the direct kernel") {
  for (const int out : {6, 8})
    with_each_epilogue(geometry(2, axis_of_three(9, 1, 1), axis_of_three(38, 1, 1), out), [&](const Conv2dGeometry& g) {
      Data data = make_data(g);
      for (const std::size_t place : {0, 75, 9 * 38 + 120}) data.x[place] = not_a_number;
      under_each_instruction_set([&](InstructionSet set) {
        INFO(label(g, set));
        const Forward got = narrow(g, data);
        CHECK(std::count_if(got.y.begin(), got.y.end(), [](float value) { return std::isnan(value); }) > 0);
        CHECK(same(got, direct(g, data)));
      });
    });
}

TEST_CASE("a NaN or an infinity reaches a pool's maxima where nobody wants the argmax bytes, too") {
  constexpr int width = 38;
  const auto check_alone = [](const Conv2dGeometry& g, const Data& data) {
    under_each_instruction_set([&](InstructionSet set) {
      INFO(label(g, set));
      const Forward right = direct(g, data);
      Forward alone{Floats(right.y.size(), not_a_number), right.argmax};
      kernels::cpu::conv2d_forward_narrow(view(data.x), view(data.w), view(data.bias), view(alone.y), {}, g);
      CHECK(same(alone, right));
    });
  };
  for (const int out : {6, 8, 16})
    with_each_epilogue(
        geometry(2, axis_of_three(9, 1, 1), axis_of_three(width, 1, 1), out), [&](const Conv2dGeometry& g) {
          if (!g.pool) return;
          const Data data = make_data(g);
          // At each place of a window in turn: a machine's maximum drops a NaN on one side only.
          for (const std::size_t place : {4 * width + 20, 4 * width + 21, 5 * width + 20, 5 * width + 21})
            for (const float value : {not_a_number, infinity, -infinity}) {
              Data changed = data;
              changed.x[place] = value;
              check_alone(g, changed);
              // An infinite sum and the other infinity are no number, either.
              std::fill(changed.bias.begin(), changed.bias.end(), infinity);
              check_alone(g, changed);
            }
          Data changed = data;
          changed.w[out + 1] = not_a_number;
          check_alone(g, changed);
          if (!g.bias) return;
          changed = data;
          changed.bias[1] = not_a_number;
          check_alone(g, changed);
        });
}

TEST_CASE("the bits of a convolution of one channel do not depend on the number of threads") {
  const int before = omp_get_max_threads();
  for (Conv2dGeometry g : geometries()) {
    g.pool = true;
    const Data data = make_data(g);
    omp_set_num_threads(1);
    const Forward one = narrow(g, data);
    for (const int threads : {2, 3}) {
      omp_set_num_threads(threads);
      CHECK(same(narrow(g, data), one));
    }
  }
  omp_set_num_threads(before);
}

TEST_CASE("the kernel for one channel knows a plain 3x3 convolution, and no other") {
  const Conv2dGeometry g = geometry(1, axis_of_three(8, 1, 1), axis_of_three(8, 1, 1), 4);
  CHECK(kernels::cpu::narrow_fits(g));
  const auto changed = [&](auto change) {
    Conv2dGeometry other = g;
    change(other);
    return kernels::cpu::narrow_fits(other);
  };
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.in_channels = 2; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.height.kernel = 1; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.width.stride = 2; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.height.dilation = 2; }));
}

TEST_CASE(
    "octets of output channels are for pooled convolutions of one channel to eights of them, in vectors of eight") {
  Conv2dGeometry g = geometry(1, axis_of_three(8, 1, 1), axis_of_three(8, 1, 1), 16);
  g.pool = true;
  const auto changed = [&](auto change) {
    Conv2dGeometry other = g;
    change(other);
    return kernels::cpu::octets_fit(other);
  };
  under_each_instruction_set([&](InstructionSet set) {
    INFO(label(g, set));
    CHECK(kernels::cpu::octets_fit(g) == (set >= InstructionSet::avx2));
    CHECK(changed([](Conv2dGeometry& other) { other.out_channels = 8; }) == (set >= InstructionSet::avx2));
    CHECK_FALSE(changed([](Conv2dGeometry& other) { other.out_channels = 12; }));
    CHECK_FALSE(changed([](Conv2dGeometry& other) { other.in_channels = 2; }));
    CHECK_FALSE(changed([](Conv2dGeometry& other) { other.pool = false; }));
    CHECK_FALSE(changed([](Conv2dGeometry& other) { other.width.stride = 2; }));
    CHECK_FALSE(changed([](Conv2dGeometry& other) { other.height.kernel = 5; }));
  });
}

TEST_CASE("a map of octets is the same where nobody wants the argmax bytes") {
  for (Conv2dGeometry g : geometries()) {
    g.pool = true;
    const Data data = make_data(g);
    under_each_instruction_set([&](InstructionSet set) {
      if (!kernels::cpu::octets_fit(g)) return;
      INFO(label(g, set));
      const Floats y = narrow(g, data).y;
      Floats alone(y.size(), not_a_number);
      kernels::cpu::conv2d_forward_narrow(view(data.x), view(data.w), view(data.bias), view(alone), {}, g);
      CHECK(alone == y);
    });
  }
}
