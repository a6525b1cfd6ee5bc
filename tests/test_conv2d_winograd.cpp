// Winograd's convolution (kernels/cpu/conv2d_winograd.h) on shapes on both sides of its edges, under every instruction
// set, against plain double loops and against the direct kernel.
//
// What its rounding may come to, in units of eps * max|source| * max|w|, eps = 2^-24, for a sum of k = 9 * channels
// products: the chain of multiply-adds over the channels is off by a share of k, as a plain sum is (its n-th step by
// half an eps of a partial sum of size sqrt(n), and the steps' errors add up like independent ones). The transforms'
// roundings are independent for each product, so theirs add up to a multiple of sqrt(k); how large a multiple, the
// powers of the points decide: the corner of a tile gets a rounding in V times up to sqrt(8) along either axis. The
// bound below is about twice the worst that these cases show, and 1.3 times the worst of 65,000 values at k = 9.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel_testing.h"
#include "mien/kernels/cpu/conv2d_winograd.h"
#include "mien/kernels/kernels.h"

using namespace mien;
using namespace mien::testing;

namespace {

namespace cpu = kernels::cpu;

double error_bound(int channels) {
  const double k = 9.0 * channels;
  return 32 * std::sqrt(k) + 2 * k;
}

constexpr ActivationKind kinds[] = {ActivationKind::linear,     ActivationKind::relu,    ActivationKind::relu6,
                                    ActivationKind::leaky_relu, ActivationKind::sigmoid, ActivationKind::tanh};

Conv2dGeometry geometry(int batch, WindowAxis height, WindowAxis width, int in, int out) {
  return {.batch = batch,
          .height = height,
          .width = width,
          .in_channels = in,
          .out_channels = out,
          .groups = 1,
          .bias = true,
          .activation = {}};
}

std::string name(const Conv2dGeometry& g) {
  const auto side = [](const WindowAxis& a) {
    return std::to_string(a.input) + "+" + std::to_string(a.padding_begin) + "+" + std::to_string(a.padding_end);
  };
  return std::to_string(g.batch) + " of " + side(g.height) + " x " + side(g.width) + ", " +
         std::to_string(g.in_channels) + " to " + std::to_string(g.out_channels) + ", activation " +
         std::to_string(static_cast<int>(g.activation.kind)) + (g.bias ? "" : ", no bias") + (g.pool ? ", pool" : "");
}

/// Every size from 1 to 17 against every way of padding; channels, batches and activations take turns.
std::vector<Conv2dGeometry> edge_cases() {
  const int paddings[][2] = {{1, 1}, {0, 0}, {2, 2}, {0, 2}, {1, 0}, {5, 3}};
  const int channels[][2] = {{1, 8}, {8, 1}, {3, 5}, {5, 3}, {8, 16}, {16, 20}, {20, 40}, {40, 3}, {16, 8}, {4, 57}};
  std::vector<Conv2dGeometry> cases;
  int turn = 0;
  for (int size = 1; size <= 17; ++size)
    for (const auto& padding : paddings) {
      const WindowAxis height = axis_of_three(size, padding[0], padding[1]);
      const WindowAxis width = axis_of_three((5 * turn) % 16 + 1, padding[1], padding[0]);
      const auto& [in, out] = channels[turn % 10];
      if (height.output < 1 || width.output < 1) continue;
      cases.push_back(geometry(turn % 3 + 1, height, width, in, out));
      cases.back().activation = {kinds[turn % 6]};
      cases.back().bias = turn % 7 != 0;
      ++turn;
    }
  return cases;
}

/// Blocks enough for a task each, few blocks of many panels, and the least work there is.
std::vector<Conv2dGeometry> block_cases() {
  const auto same = [](int input) { return axis_of_three(input, 1, 1); };
  return {geometry(2, same(66), same(70), 4, 9), geometry(5, same(30), same(61), 9, 4),
          geometry(3, same(9), same(14), 96, 100), geometry(1, same(1), same(1), 1, 1)};
}

std::vector<Conv2dGeometry> all_cases() {
  std::vector<Conv2dGeometry> cases = edge_cases();
  for (const Conv2dGeometry& g : block_cases()) cases.push_back(g);
  return cases;
}

struct Data {
  Floats x, w, bias, dz;
};

Data make_data(const Conv2dGeometry& g) {
  return {draw(g.x_size(), 1), draw(g.w_size(), 2), draw(g.out_channels, 3), draw(g.convolution_size(), 4)};
}

/// What runs between two guards that must stay as they are: no result lies outside its view.
template <class T, class Run>
std::vector<T> guarded(std::int64_t size, const Run& run) {
  constexpr std::int64_t guard = 64;
  const T sentinel = static_cast<T>(77);
  std::vector<T> buffer(static_cast<std::size_t>(size + 2 * guard), sentinel);
  std::fill_n(buffer.begin() + guard, size, poison<T>());
  run(View<T>{buffer.data() + guard, size});
  const auto untouched = [&](auto begin) {
    return std::all_of(begin, begin + guard, [&](T value) { return value == sentinel; });
  };
  REQUIRE(untouched(buffer.begin()));
  REQUIRE(untouched(buffer.end() - guard));
  return {buffer.begin() + guard, buffer.end() - guard};
}

struct Forward {
  Floats y;
  std::vector<std::uint8_t> argmax;
};

Floats transform(const Conv2dGeometry& g, const Data& data) {
  return guarded<float>(cpu::winograd_weights_size(g),
                        [&](View<float> u) { cpu::winograd_transform_weights(data.w.data(), g, u.data); });
}

Forward forward(const Conv2dGeometry& g, const Data& data) {
  const Floats transformed = transform(g, data);
  Forward result;
  result.argmax = guarded<std::uint8_t>(g.pool ? g.y_size() : 0, [&](View<std::uint8_t> argmax) {
    result.y = guarded<float>(g.y_size(), [&](View<float> y) {
      cpu::conv2d_forward_winograd(view(data.x), transformed.data(), view(data.bias), y, argmax, g);
    });
  });
  return result;
}

Floats backward_input(const Conv2dGeometry& g, const Data& data) {
  return guarded<float>(
      g.x_size(), [&](View<float> dx) { cpu::conv2d_backward_input_winograd(view(data.dz), view(data.w), dx, g); });
}

/// dx by the definition, each product's share handed back.
Values input_gradient(const Conv2dGeometry& g, const Data& data) {
  Values dx = reference::zeros(g.x_size());
  for (int n = 0; n < g.batch; ++n)
    for (int row = 0; row < g.height.output; ++row)
      for (int column = 0; column < g.width.output; ++column)
        for (int tap = 0; tap < 9; ++tap) {
          const int h = g.height.cell(row, tap / 3), v = g.width.cell(column, tap % 3);
          if (!g.height.inside(h) || !g.width.inside(v)) continue;
          for (int in = 0; in < g.in_channels; ++in)
            for (int out = 0; out < g.out_channels; ++out)
              dx[reference::at(n, h, v, in, g.height.input, g.width.input, g.in_channels)] +=
                  double{data.w[reference::at(tap / 3, tap % 3, in, out, 3, g.in_channels, g.out_channels)]} *
                  data.dz[reference::at(n, row, column, out, g.height.output, g.width.output, g.out_channels)];
        }
  return dx;
}

double largest(const Floats& values) {
  double result = 0;
  for (const float value : values) result = std::max(result, std::abs(double{value}));
  return result;
}

/// The largest error in units of eps * max|source| * max|w|; infinite if there is a NaN.
double error_in_units(const Floats& got, const Values& right, const Floats& source, const Floats& w) {
  REQUIRE(got.size() == right.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - right[i]);
    worst = std::isnan(error) ? infinity : std::max(worst, error);
  }
  return worst / (std::ldexp(1.0, -24) * largest(source) * largest(w));
}

Values right_forward(const Conv2dGeometry& g, const Data& data) {
  return reference::conv2d(doubled(data.x), doubled(data.w), doubled(data.bias), g);
}

}  // namespace

TEST_CASE("Winograd's forward pass agrees with plain double loops") {
  const auto scope = with_every_instruction_set();
  for (const Conv2dGeometry& g : all_cases()) {
    INFO(name(g));
    const Data data = make_data(g);
    CHECK(error_in_units(forward(g, data).y, right_forward(g, data), data.x, data.w) < error_bound(g.in_channels));
  }
}

TEST_CASE("Winograd's input gradient agrees with plain double loops") {
  const auto scope = with_every_instruction_set();
  for (const Conv2dGeometry& g : all_cases()) {
    INFO(name(g));
    const Data data = make_data(g);
    CHECK(error_in_units(backward_input(g, data), input_gradient(g, data), data.dz, data.w) <
          error_bound(g.out_channels));
  }
}

TEST_CASE("Winograd's error is a small multiple of the direct kernel's") {
  const auto scope = with_every_instruction_set();
  for (const auto& [in, out] : {std::pair{8, 16}, {16, 32}, {32, 64}, {64, 64}, {128, 32}}) {
    const Conv2dGeometry g = geometry(1, axis_of_three(24, 1, 1), axis_of_three(24, 1, 1), in, out);
    INFO(name(g));
    const Data data = make_data(g);
    const Values right = right_forward(g, data);
    Floats direct(static_cast<std::size_t>(g.y_size()), not_a_number);
    cpu::conv2d_forward(view(data.x), view(data.w), view(data.bias), view(direct), {}, g, Conv2dAlgorithm::direct);
    const double direct_error = error_in_units(direct, right, data.x, data.w);
    const double error = error_in_units(forward(g, data).y, right, data.x, data.w);
    INFO(error << " against " << direct_error);
    CHECK(error < 3 * direct_error);
  }
}

TEST_CASE("Winograd's fused pool gives the bits and places of the maxima of its plain result") {
  const auto scope = with_every_instruction_set();
  for (Conv2dGeometry g : all_cases()) {
    if (g.height.output < 2 || g.width.output < 2) continue;
    Data data = make_data(g);
    for (float& value : data.w) value *= 4.0f;  // so that relu6 reaches its upper corner
    for (const ActivationKind kind : kinds) {
      g.activation = {kind};
      g.pool = false;
      const Floats plain = forward(g, data).y;
      g.pool = true;
      INFO(name(g));
      const Forward pooled = forward(g, data);
      const reference::MaxPool right = reference::max_pool2d(
          doubled(plain), {.batch = g.batch,
                           .height = window_axis({.input = g.height.output, .kernel = 2, .stride = 2}, Padding::valid),
                           .width = window_axis({.input = g.width.output, .kernel = 2, .stride = 2}, Padding::valid),
                           .channels = g.out_channels});
      CHECK(doubled(pooled.y) == right.y);
      bool places_right = true;
      for (std::size_t i = 0; i < pooled.y.size(); ++i) {
        const bool killed = activation_slope(pooled.y[i], g.activation) == 0.0f;
        places_right = places_right && pooled.argmax[i] == (killed ? argmax_killed : right.argmax[i]);
      }
      CHECK(places_right);
    }
  }
}

TEST_CASE("Winograd passes a NaN of the image on to every result that sees it, through activation and pool") {
  const auto scope = with_every_instruction_set();
  for (const bool pool : {false, true})
    for (const ActivationKind kind : kinds) {
      Conv2dGeometry g = geometry(1, axis_of_three(13, 1, 1), axis_of_three(11, 1, 1), 20, 20);
      g.activation = {kind};
      g.pool = pool;
      INFO(name(g));
      Data data = make_data(g);
      const int row = 5, column = 7, step = pool ? 2 : 1;
      data.x[reference::at(0, row, column, 6, 13, 11, 20)] = not_a_number;
      const Forward result = forward(g, data);
      bool all_seen = true;
      for (int h = row - 1; h <= row + 1; ++h)
        for (int v = column - 1; v <= column + 1; ++v)
          for (int out = 0; out < 20; ++out)
            all_seen = all_seen &&
                       std::isnan(result.y[reference::at(0, h / step, v / step, out, g.y_height(), g.y_width(), 20)]);
      CHECK(all_seen);
      CHECK(std::isfinite(result.y.front()));
      CHECK(std::isfinite(result.y.back()));
      if (!pool) continue;
      CHECK(result.argmax[reference::at(0, row / 2, column / 2, 0, g.y_height(), g.y_width(), 20)] == 0);
      // Where nobody wants those bytes, the maxima are the same, and the same are no numbers.
      const Floats transformed = transform(g, data);
      Floats alone(result.y.size(), 0.0f);
      cpu::conv2d_forward_winograd(view(data.x), transformed.data(), view(data.bias), view(alone), {}, g);
      CHECK(std::equal(alone.begin(), alone.end(), result.y.begin(),
                       [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
    }
}

TEST_CASE("Winograd gives the bias alone for an image or weights of zeros") {
  const auto scope = with_every_instruction_set();
  const Conv2dGeometry g = geometry(2, axis_of_three(6, 1, 1), axis_of_three(9, 1, 1), 5, 20);
  const Data data = make_data(g);
  for (const bool weights : {false, true}) {
    Data zeroed = data;
    Floats& zeros = weights ? zeroed.w : zeroed.x;
    std::fill(zeros.begin(), zeros.end(), 0.0f);
    const Floats y = forward(g, zeroed).y;
    for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == data.bias[i % 20]);
    std::fill(zeroed.dz.begin(), zeroed.dz.end(), 0.0f);
    for (const float value : backward_input(g, zeroed)) REQUIRE(value == 0.0f);
  }
}

TEST_CASE("Winograd's bits depend neither on the number of threads nor on the batch that an image is in") {
  for (Conv2dGeometry g : block_cases()) {
    INFO(name(g));
    const Data data = make_data(g);
    const Floats transformed = at_every_thread_count(cpu::winograd_weights_size(g), [&](View<float> u) {
      cpu::winograd_transform_weights(data.w.data(), g, u.data);
    });
    const Floats y = at_every_thread_count(g.y_size(), [&](View<float> result) {
      cpu::conv2d_forward_winograd(view(data.x), transformed.data(), view(data.bias), result, {}, g);
    });
    at_every_thread_count(
        g.x_size(), [&](View<float> dx) { cpu::conv2d_backward_input_winograd(view(data.dz), view(data.w), dx, g); });
    // The last image alone.
    Conv2dGeometry single = g;
    single.batch = 1;
    Data last = data;
    last.x.erase(last.x.begin(), last.x.end() - single.x_size());
    CHECK(forward(single, last).y == Floats(y.end() - single.y_size(), y.end()));
  }
}

TEST_CASE("Winograd fits 3x3 kernels of stride 1 that are neither dilated nor grouped") {
  const Conv2dGeometry good = geometry(1, axis_of_three(9, 1, 1), axis_of_three(9, 0, 3), 4, 6);
  CHECK(cpu::winograd_fits(good));
  Conv2dGeometry g = good;
  g.groups = 2;
  CHECK_FALSE(cpu::winograd_fits(g));
  g = good;
  g.height.stride = 2;
  CHECK_FALSE(cpu::winograd_fits(g));
  g = good;
  g.width.dilation = 2;
  CHECK_FALSE(cpu::winograd_fits(g));
  g = good;
  g.width.kernel = 5;
  CHECK_FALSE(cpu::winograd_fits(g));
}

TEST_CASE("Winograd pays from four channels on either side and tiles three eighths full, whatever the batch") {
  const auto same = [](int input) { return axis_of_three(input, 1, 1); };
  CHECK(cpu::winograd_pays(geometry(1, same(128), same(128), 8, 16)));
  CHECK(cpu::winograd_pays(geometry(64, same(16), same(16), 4, 4)));
  CHECK_FALSE(cpu::winograd_pays(geometry(64, same(16), same(16), 3, 64)));
  CHECK_FALSE(cpu::winograd_pays(geometry(64, same(16), same(16), 64, 3)));
  CHECK(cpu::winograd_pays(geometry(64, same(5), same(5), 32, 32)));
  CHECK_FALSE(cpu::winograd_pays(geometry(64, same(2), same(2), 32, 32)));
  CHECK_FALSE(cpu::winograd_pays(geometry(64, same(5), same(1), 32, 32)));
  Conv2dGeometry strided = geometry(1, same(128), same(128), 8, 16);
  strided.height.stride = 2;
  CHECK_FALSE(cpu::winograd_pays(strided));
}
