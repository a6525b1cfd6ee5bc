// The pool-sparse gradients of the fused convolution: against plain double loops over the dense gradient that argmax
// and dy stand for, and against the dense kernels, under every instruction set of this machine.
#include <omp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "kernel_testing.h"
#include "mien/kernels/algorithm.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"

using namespace mien;
using namespace mien::testing;
using kernels::cpu::InstructionSet;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Case {
  std::string name;
  Conv2dGeometry g;
};

Conv2dGeometry geometry(int batch, WindowAxis height, WindowAxis width, int in, int out) {
  return {.batch = batch,
          .height = height,
          .width = width,
          .in_channels = in,
          .out_channels = out,
          .bias = true,
          .activation = {ActivationKind::relu},
          .pool = true};
}

std::vector<Case> cases() {
  const auto same = [](int input) { return axis_of_three(input, 1, 1); };
  std::vector<Case> all;
  for (int size = 2; size <= 9; ++size) {
    const std::string name = std::to_string(size) + "x" + std::to_string(11 - size);
    all.push_back({"same " + name, geometry(3, same(size), same(11 - size), 3, 5)});
    all.push_back(
        {"uneven padding " + name, geometry(1, axis_of_three(size, 3, 1), axis_of_three(11 - size, 0, 4), 20, 8)});
    if (size > 3 && size < 8)
      all.push_back({"valid " + name, geometry(9, axis_of_three(size, 0, 0), axis_of_three(11 - size, 0, 0), 8, 3)});
  }
  for (const int channels : {1, 2, 3, 4, 5, 8, 16, 20, 40, 64}) {
    const std::string name = std::to_string(channels);
    all.push_back({name + " in", geometry(3, same(7), same(10), channels, 20)});
    all.push_back({name + " out", geometry(2, same(6), axis_of_three(9, 1, 0), 8, channels)});
    all.push_back({name + " both", geometry(1, same(8), same(6), channels, channels)});
  }
  all.push_back({"512 in", geometry(1, same(4), same(5), 512, 8)});
  all.push_back({"512 out", geometry(2, same(4), same(4), 5, 512)});
  all.push_back({"a batch of blocks", geometry(17, same(16), same(16), 16, 32)});
  all.push_back({"rows and columns of lists", geometry(1, same(33), same(150), 1, 8)});
  all.push_back({"wide, one channel", geometry(2, axis_of_three(9, 1, 2), axis_of_three(71, 2, 0), 1, 20)});
  all.push_back({"octets, one window a row", geometry(3, same(9), same(3), 1, 8)});
  all.push_back(
      {"octets, odd and padded unevenly", geometry(2, axis_of_three(13, 0, 2), axis_of_three(271, 3, 0), 1, 24)});
  all.push_back(
      {"octets, a border beyond the last window", geometry(3, axis_of_three(8, 0, 0), axis_of_three(9, 0, 0), 1, 40)});
  all.push_back({"octets of a part each", geometry(2, same(10), same(12), 1, 160)});
  all.push_back({"wide, four channels", geometry(1, axis_of_three(12, 0, 3), axis_of_three(263, 1, 1), 4, 6)});
  all.push_back({"bands of rows", geometry(1, same(131), same(130), 16, 4)});
  all.push_back({"many small images", geometry(70, same(4), same(4), 3, 8)});
  all.push_back({"padding wider than the image", geometry(1, axis_of_three(2, 6, 5), axis_of_three(3, 5, 6), 5, 3)});
  all.push_back(
      {"a border beyond the last window", geometry(1, axis_of_three(8, 0, 0), axis_of_three(9, 0, 0), 16, 16)});
  all.push_back({"no window", geometry(2, axis_of_three(3, 0, 0), same(6), 3, 4)});
  return all;
}

struct Data {
  Floats x, w, dy;
  Bytes argmax;
};

/// dy is not a number wherever argmax says killed.
Data make_data(const Conv2dGeometry& g, bool whole, float killed) {
  Data data{draw_values(g.x_size(), 1, whole, 11), draw_values(g.w_size(), 2, whole, 11),
            draw_values(g.y_size(), 3, whole, 11), Bytes(static_cast<std::size_t>(g.y_size()))};
  for (std::size_t i = 0; i < data.argmax.size(); ++i) {
    const bool dead = uniform_from_word(philox_word(12, 1, i)) < killed;
    data.argmax[i] = dead ? argmax_killed : static_cast<std::uint8_t>(philox_word(12, 2, i) % 4);
    if (dead) data.dy[i] = not_a_number;
  }
  return data;
}

/// Whether the op goes by these kernels when they are asked for.
bool applies(const Conv2dGeometry& g) { return kernels::sparse_gradients(Device::cpu, g, Conv2dAlgorithm::sparse); }

struct Gradients {
  Floats dx, dw, dbias;
};

Gradients sparse(const Conv2dGeometry& g, const Data& data) {
  Gradients result{Floats(static_cast<std::size_t>(g.x_size()), not_a_number),
                   Floats(static_cast<std::size_t>(g.w_size()), not_a_number),
                   Floats(static_cast<std::size_t>(g.out_channels), not_a_number)};
  kernels::cpu::conv2d_sparse_backward_input(view(data.argmax), view(data.dy), view(data.w), view(result.dx), g);
  kernels::cpu::conv2d_sparse_backward_weights(view(data.x), view(data.argmax), view(data.dy), view(result.dw),
                                               view(result.dbias), g);
  return result;
}

struct Exact {
  reference::Values dx, dw, dbias;
};

/// All three gradients from the definition: each live entry hands its products' shares back.
Exact exact(const Conv2dGeometry& g, const Data& data) {
  Exact right{reference::zeros(g.x_size()), reference::zeros(g.w_size()), reference::zeros(g.out_channels)};
  for (int n = 0; n < g.batch; ++n)
    for (int row = 0; row < g.y_height(); ++row)
      for (int column = 0; column < g.y_width(); ++column)
        for (int out = 0; out < g.out_channels; ++out) {
          const std::size_t place = reference::at(n, row, column, out, g.y_height(), g.y_width(), g.out_channels);
          if (data.argmax[place] == argmax_killed) continue;
          const double gradient = data.dy[place];
          right.dbias[static_cast<std::size_t>(out)] += gradient;
          for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
              const int x_row = g.height.cell(2 * row + data.argmax[place] / 2, i);
              const int x_column = g.width.cell(2 * column + data.argmax[place] % 2, j);
              if (!g.height.inside(x_row) || !g.width.inside(x_column)) continue;
              for (int in = 0; in < g.in_channels; ++in) {
                const std::size_t x_place =
                    reference::at(n, x_row, x_column, in, g.height.input, g.width.input, g.in_channels);
                const std::size_t w_place = reference::at(i, j, in, out, 3, g.in_channels, g.out_channels);
                right.dx[x_place] += gradient * data.w[w_place];
                right.dw[w_place] += gradient * data.x[x_place];
              }
            }
        }
  return right;
}

}  // namespace

TEST_CASE("the pool-sparse gradients agree with plain double loops under every instruction set") {
  for (const Case& item : cases())
    for (const float killed : {0.0f, 0.4f, 1.0f}) {
      REQUIRE(applies(item.g));
      const Data data = make_data(item.g, false, killed);
      const Exact right = exact(item.g, data);
      under_each_instruction_set([&](InstructionSet set) {
        INFO(item.name << ", " << kernels::cpu::name(set) << ", killed " << killed);
        const Gradients got = sparse(item.g, data);
        CHECK(difference(got.dx, right.dx) < 1e-6);
        CHECK(difference(got.dw, right.dw) < 1e-6);
        CHECK(difference(got.dbias, right.dbias) < 1e-6);
      });
    }
}

TEST_CASE("on whole numbers the pool-sparse gradients equal the dense ones to the bit") {
  for (const Case& item : cases()) {
    const Data data = make_data(item.g, true, 0.3f);
    Floats dz(static_cast<std::size_t>(item.g.convolution_size()), not_a_number);
    kernels::cpu::conv2d_epilogue_backward({}, view(data.argmax), view(data.dy), view(dz), item.g);
    Gradients dense{Floats(static_cast<std::size_t>(item.g.x_size()), not_a_number),
                    Floats(static_cast<std::size_t>(item.g.w_size()), not_a_number),
                    {}};
    kernels::cpu::conv2d_backward_input(view(dz), view(data.w), view(dense.dx), item.g, Conv2dAlgorithm::direct);
    kernels::cpu::conv2d_backward_weights(view(data.x), view(dz), view(dense.dw), item.g, Conv2dAlgorithm::direct);
    under_each_instruction_set([&](InstructionSet set) {
      INFO(item.name << ", " << kernels::cpu::name(set));
      const Gradients got = sparse(item.g, data);
      CHECK(got.dx == dense.dx);
      CHECK(got.dw == dense.dw);
    });
  }
}

TEST_CASE("the pool-sparse gradients' bits do not depend on the number of threads, nor on which are wanted") {
  const int before = omp_get_max_threads();
  for (const Case& item : cases()) {
    INFO(item.name);
    const Data data = make_data(item.g, false, 0.4f);
    omp_set_num_threads(1);
    const Gradients one = sparse(item.g, data);
    for (const int threads : {2, 3}) {
      omp_set_num_threads(threads);
      const Gradients several = sparse(item.g, data);
      CHECK(several.dx == one.dx);
      CHECK(several.dw == one.dw);
      CHECK(several.dbias == one.dbias);
    }
    Floats dw(one.dw.size(), not_a_number), dbias(one.dbias.size(), not_a_number);
    kernels::cpu::conv2d_sparse_backward_weights(view(data.x), view(data.argmax), view(data.dy), view(dw), {}, item.g);
    kernels::cpu::conv2d_sparse_backward_weights(view(data.x), view(data.argmax), view(data.dy), {}, view(dbias),
                                                 item.g);
    CHECK(dw == one.dw);
    CHECK(dbias == one.dbias);
  }
  omp_set_num_threads(before);
}

TEST_CASE(
    "a NaN in a live gradient reaches the pool-sparse gradients it belongs to and no other, and one in the image all "
    "it belongs to") {
  for (const auto& [in, out] :
       std::vector<std::pair<int, int>>{{1, 16}, {1, 20}, {3, 20}, {5, 20}, {8, 20}, {20, 20}}) {
    const Conv2dGeometry g = geometry(2, axis_of_three(9, 1, 1), axis_of_three(12, 1, 1), in, out);
    const Data data = make_data(g, false, 0.4f);
    std::size_t place = reference::at(1, 2, 3, 7, g.y_height(), g.y_width(), g.out_channels);
    const auto channels = static_cast<std::size_t>(g.out_channels);
    while (data.argmax[place] == argmax_killed) place += channels;
    Data bad_dy = data, bad_x = data;
    bad_dy.dy[place] = not_a_number;
    bad_x.x[reference::at(0, 4, 5, 0, g.height.input, g.width.input, in)] = not_a_number;
    const Exact right_dy = exact(g, bad_dy), right_x = exact(g, bad_x);
    // With few input channels a killed entry's pixel is multiplied by zero, so a NaN there shows as well.
    const auto has_nans = [](const Floats& got, const reference::Values& right) {
      return std::equal(got.begin(), got.end(), right.begin(), right.end(),
                        [](float a, double b) { return std::isnan(a) || !std::isnan(b); });
    };
    const auto same_nans = [](const Floats& got, const reference::Values& right) {
      return std::equal(got.begin(), got.end(), right.begin(), right.end(),
                        [](float a, double b) { return std::isnan(a) == std::isnan(b); });
    };
    under_each_instruction_set([&](InstructionSet set) {
      INFO(kernels::cpu::name(set) << ", " << g.in_channels << " in, " << g.out_channels << " out");
      const Gradients got = sparse(g, bad_dy);
      CHECK(same_nans(got.dx, right_dy.dx));
      CHECK(same_nans(got.dw, right_dy.dw));
      CHECK(same_nans(got.dbias, right_dy.dbias));
      CHECK(has_nans(sparse(g, bad_x).dw, right_x.dw));
    });
  }
}

TEST_CASE("the pool-sparse gradients know a pooled 3x3 convolution of stride one, and no other") {
  const Conv2dGeometry g = geometry(1, axis_of_three(8, 1, 1), axis_of_three(8, 1, 1), 4, 4);
  CHECK(applies(g));
  const auto changed = [&](auto change) {
    Conv2dGeometry other = g;
    change(other);
    return applies(other);
  };
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.pool = false; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.groups = 2; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.height.kernel = 5; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.width.stride = 2; }));
  CHECK_FALSE(changed([](Conv2dGeometry& other) { other.width.dilation = 2; }));
  // By themselves on the CPU alone, and never where another algorithm is asked for.
  CHECK(kernels::sparse_gradients(Device::cpu, g, Conv2dAlgorithm::automatic));
  CHECK_FALSE(kernels::sparse_gradients(Device::cuda_emulated, g, Conv2dAlgorithm::automatic));
  CHECK(kernels::sparse_gradients(Device::cuda_emulated, g, Conv2dAlgorithm::sparse));
  for (const auto algorithm : {Conv2dAlgorithm::reference, Conv2dAlgorithm::direct, Conv2dAlgorithm::winograd})
    CHECK_FALSE(kernels::sparse_gradients(Device::cpu, g, algorithm));
}
