// The CUDA kernels of the layers (convolution, pooling, batch normalisation, softmax and its loss) against the CPU's:
// emulated everywhere, on a GPU where there is one.
#include "mien/tests/device_array.h"

using namespace mien;
using namespace mien::testing;

namespace {

using Array = DeviceArray<float>;

Conv2dGeometry convolution(int batch, WindowAxis height, WindowAxis width, int in, int out, int groups = 1,
                           Padding padding = Padding::same) {
  Conv2dGeometry g;
  g.batch = batch, g.in_channels = in, g.out_channels = out, g.groups = groups;
  g.height = window_axis(height, padding), g.width = window_axis(width, padding);
  return g;
}

// One of each kind: small and large, strides, dilation, groups, depthwise, padding that differs from side to side.
const Conv2dGeometry geometries[] = {
    convolution(2, {.input = 9, .kernel = 3}, {.input = 7, .kernel = 3}, 3, 4),
    convolution(1, {.input = 18, .kernel = 3}, {.input = 21, .kernel = 3}, 1, 8),
    convolution(2, {.input = 8, .kernel = 1}, {.input = 8, .kernel = 7}, 5, 20, 1, Padding::valid),
    convolution(1, {.input = 13, .kernel = 5, .stride = 2}, {.input = 12, .kernel = 3, .stride = 3}, 4, 24),
    convolution(1, {.input = 12, .kernel = 3, .dilation = 2}, {.input = 11, .kernel = 2, .dilation = 3}, 6, 9, 3),
    convolution(2, {.input = 6, .kernel = 3}, {.input = 7, .kernel = 3, .stride = 2}, 6, 6, 6),
    convolution(1, {.input = 6, .kernel = 3}, {.input = 6, .kernel = 3}, 36, 40, 2),
    convolution(1, {.input = 7, .kernel = 3, .padding_begin = 2, .padding_end = 1},
                {.input = 5, .kernel = 2, .padding_begin = 0, .padding_end = 3}, 2, 3, 1, Padding::explicit_cells),
};

Conv2dGeometry any_geometry() {
  return geometries[static_cast<std::size_t>(GENERATE(range(0, static_cast<int>(std::size(geometries)))))];
}

Conv2dAlgorithm any_algorithm() {
  return GENERATE(Conv2dAlgorithm::automatic, Conv2dAlgorithm::reference, Conv2dAlgorithm::direct,
                  Conv2dAlgorithm::gemm, Conv2dAlgorithm::tensor_cores);
}

// y and, with the pool, argmax behind it.
Floats forward(Device device, const Conv2dGeometry& g, Conv2dAlgorithm algorithm, const Floats& x_values) {
  const Array x(device, x_values), w(device, draw_whole(g.w_size(), 2)), bias(device, draw_whole(g.out_channels, 3));
  const Array y(device, g.y_size());
  const DeviceArray<std::uint8_t> argmax(device, g.pool ? g.y_size() : 0);
  kernels::conv2d_forward(device)(x.view(), w.view(), g.bias ? bias.view() : View<float>{}, y.view(),
                                  g.pool ? argmax.view() : View<std::uint8_t>{}, g, algorithm);
  Floats all = y.values();
  for (const std::uint8_t place : argmax.values()) all.push_back(place);
  return all;
}

Pool2dGeometry pooling(WindowAxis height, WindowAxis width, Padding padding) {
  return {.batch = 2, .height = window_axis(height, padding), .width = window_axis(width, padding), .channels = 3};
}

Pool2dGeometry any_pooling() {
  return GENERATE(
      pooling({.input = 8, .kernel = 2, .stride = 2}, {.input = 7, .kernel = 2, .stride = 2}, Padding::valid),
      pooling({.input = 7, .kernel = 3, .stride = 2}, {.input = 8, .kernel = 3, .stride = 1}, Padding::same),
      pooling({.input = 5, .kernel = 5}, {.input = 6, .kernel = 6}, Padding::valid));
}

}  // namespace

TEST_CASE("CUDA convolutions equal the CPU's plain loops on whole numbers", "[cuda]") {
  Conv2dGeometry g = any_geometry();
  const Conv2dAlgorithm algorithm = any_algorithm();
  g.bias = GENERATE(false, true);
  g.activation = {g.bias ? ActivationKind::relu : ActivationKind::linear};
  check_same([&](Device device) {
    return forward(device, g, device == Device::cpu ? Conv2dAlgorithm::reference : algorithm,
                   draw_whole(g.x_size(), 1));
  });
}

TEST_CASE("CUDA convolutions with the pool fused give the CPU's maxima and their places", "[cuda]") {
  Conv2dGeometry g = any_geometry();
  const Conv2dAlgorithm algorithm = any_algorithm();
  g.bias = g.pool = true;
  g.activation = {GENERATE(ActivationKind::linear, ActivationKind::relu)};
  Floats x = draw_whole(g.x_size(), 1);
  if (GENERATE(false, true)) x[x.size() / 2] = not_a_number;
  const auto run = [&](Device device) {
    Floats all = forward(device, g, device == Device::cpu ? Conv2dAlgorithm::reference : algorithm, x);
    for (float& value : all) value = std::isnan(value) ? -1000.0f : value;  // every NaN alike
    return all;
  };
  check_same(run);
}

TEST_CASE("fused and unfused CUDA convolutions agree to the bit", "[cuda]") {
  Conv2dGeometry g = any_geometry();
  const Conv2dAlgorithm algorithm = any_algorithm();
  for (const Device device : cuda_devices()) {
    const Floats x = draw(g.x_size(), 1);
    g.pool = false;
    const Floats before = forward(device, g, algorithm, x);
    g.pool = true;
    const Floats pooled = forward(device, g, algorithm, x);
    for (std::int64_t i = 0; i < g.y_size(); ++i) {
      const std::int64_t channel = i % g.out_channels, column = i / g.out_channels % g.y_width();
      const std::int64_t row = i / g.out_channels / g.y_width() % g.y_height();
      const std::int64_t image = i / g.out_channels / g.y_width() / g.y_height();
      float maximum = -infinity;
      for (int tap = 0; tap < 4; ++tap) {
        const std::int64_t line = image * g.height.output + 2 * row + tap / 2;
        const std::int64_t place = (line * g.width.output + 2 * column + tap % 2) * g.out_channels + channel;
        maximum = std::max(maximum, before[static_cast<std::size_t>(place)]);
      }
      REQUIRE(pooled[static_cast<std::size_t>(i)] == maximum);
    }
  }
}

TEST_CASE("CUDA gradients of convolutions equal the CPU's plain loops on whole numbers", "[cuda]") {
  const Conv2dGeometry g = any_geometry();
  const Conv2dAlgorithm algorithm = any_algorithm();
  check_same([&](Device device) {
    const Array dz(device, draw_whole(g.convolution_size(), 1)), w(device, draw_whole(g.w_size(), 2));
    const Array dx(device, g.x_size());
    kernels::conv2d_backward_input(device)(dz.view(), w.view(), dx.view(), g,
                                           device == Device::cpu ? Conv2dAlgorithm::reference : algorithm);
    return dx.values();
  });
  check_same([&](Device device) {
    const Array dz(device, draw_whole(g.convolution_size(), 1)), x(device, draw_whole(g.x_size(), 2));
    const Array dw(device, g.w_size());
    kernels::conv2d_backward_weights(device)(x.view(), dz.view(), dw.view(), g,
                                             device == Device::cpu ? Conv2dAlgorithm::reference : algorithm);
    return dw.values();
  });
}

TEST_CASE("a CUDA weight gradient over many positions is summed in parts", "[cuda]") {
  const Conv2dGeometry g = convolution(3, {.input = 40, .kernel = 3}, {.input = 40, .kernel = 3}, 2, 17);
  const Conv2dAlgorithm algorithm = GENERATE(Conv2dAlgorithm::direct, Conv2dAlgorithm::gemm);
  check_same([&](Device device) {
    const Array dz(device, draw_whole(g.convolution_size(), 1)), x(device, draw_whole(g.x_size(), 2));
    const Array dw(device, g.w_size());
    kernels::conv2d_backward_weights(device)(x.view(), dz.view(), dw.view(), g, algorithm);
    return dw.values();
  });
}

TEST_CASE("a window too wide for shared memory falls back to the plain CUDA kernel", "[cuda]") {
  const WindowAxis wide{.input = 120, .kernel = 2, .dilation = 119};
  const Conv2dGeometry g = convolution(1, wide, wide, 1, 2, 1, Padding::same);
  check_same([&](Device device) { return forward(device, g, Conv2dAlgorithm::direct, draw_whole(g.x_size(), 1)); });
}

TEST_CASE("CUDA gradients go back through pool and activation as the CPU's do", "[cuda]") {
  Conv2dGeometry g = any_geometry();
  g.pool = GENERATE(false, true);
  g.activation = {ActivationKind::relu};
  check_same([&](Device device) {
    // As a forward pass leaves them: what the relu killed is 0 and has no place.
    Floats maxima = draw(g.y_size(), 1);
    std::vector<std::uint8_t> places(maxima.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      maxima[i] = std::max(maxima[i], 0.0f);
      places[i] = maxima[i] > 0 ? static_cast<std::uint8_t>(i * 7 % 4) : argmax_killed;
    }
    const DeviceArray<std::uint8_t> argmax(device, places);
    const Array y(device, maxima), dy(device, draw(g.y_size(), 2)), dz(device, g.convolution_size());
    kernels::conv2d_epilogue_backward(device)(y.view(), g.pool ? argmax.view() : View<std::uint8_t>{}, dy.view(),
                                              dz.view(), g);
    return dz.values();
  });
}

TEST_CASE("CUDA pooling finds the CPU's maxima, a NaN among them", "[cuda]") {
  const Pool2dGeometry g = any_pooling();
  Floats values = draw_whole(g.x_size(), 1);
  const bool with_nan = GENERATE(false, true);
  if (with_nan) values[20] = values[24] = not_a_number;
  const auto places = [&](Device device) {
    const Array x(device, values), y(device, g.y_size());
    const DeviceArray<std::int32_t> argmax(device, g.y_size());
    kernels::max_pool2d_forward(device)(x.view(), y.view(), argmax.view(), g);
    return argmax.values();
  };
  check_same(places);
  check_same([&](Device device) {
    const Array x(device, values), y(device, g.y_size());
    const DeviceArray<std::int32_t> argmax(device, g.y_size());
    kernels::max_pool2d_forward(device)(x.view(), y.view(), argmax.view(), g);
    Floats maxima = y.values();
    for (float& value : maxima) value = std::isnan(value) ? -1000.0f : value;
    return maxima;
  });
  check_same([&](Device device) {
    const DeviceArray<std::int32_t> argmax(device, places(Device::cpu));
    const Array dy(device, draw_whole(g.y_size(), 2)), dx(device, g.x_size());
    kernels::max_pool2d_backward(device)(argmax.view(), dy.view(), dx.view(), g);
    return dx.values();
  });
}

TEST_CASE("CUDA average pooling leaves the padding out as the CPU's does", "[cuda]") {
  const Pool2dGeometry g = any_pooling();
  check_near([&](Device device) {
    const Array x(device, draw(g.x_size(), 1)), y(device, g.y_size());
    kernels::average_pool2d_forward(device)(x.view(), y.view(), g);
    return y.values();
  });
  check_near([&](Device device) {
    const Array dy(device, draw(g.y_size(), 1)), dx(device, g.x_size());
    kernels::average_pool2d_backward(device)(dy.view(), dx.view(), g);
    return dx.values();
  });
}

TEST_CASE("CUDA batch normalisation is the CPU's, forward, frozen and back", "[cuda]") {
  const RowsGeometry g = GENERATE(RowsGeometry{2500, 3}, RowsGeometry{7, 40}, RowsGeometry{1, 2});
  const bool frozen = GENERATE(false, true), scaled = GENERATE(false, true);
  const View<float> none;
  check_near(
      [&](Device device) {
        // A mean far from 0, where a variance from sums of squares would lose its digits.
        const Array x(device, draw(g.size(), 1, 9.0f, 11.0f)), y(device, g.size());
        const Array gamma(device, draw(g.channels, 2)), beta(device, draw(g.channels, 3));
        const Array mean(device, g.channels), variance(device, g.channels);
        const View<float> scale = scaled ? gamma.view() : none, shift = scaled ? beta.view() : none;
        if (frozen) {
          kernels::fill(device)(mean.view(), 10.0f);
          kernels::fill(device)(variance.view(), 0.3f);
          kernels::batch_norm_inference(device)(x.view(), scale, shift, mean.view(), variance.view(), y.view(), g,
                                                1e-3f);
        } else {
          kernels::batch_norm_forward(device)(x.view(), scale, shift, y.view(), mean.view(), variance.view(), g, 1e-3f);
        }
        Floats all = y.values();
        for (const float value : mean.values()) all.push_back(value);
        for (const float value : variance.values()) all.push_back(value);
        return all;
      },
      1e-5);
  check_near(
      [&](Device device) {
        const Array x(device, draw(g.size(), 1)), dy(device, draw(g.size(), 2)), gamma(device, draw(g.channels, 3));
        const Array mean(device, draw(g.channels, 4, -0.1f, 0.1f)), variance(device, draw(g.channels, 5, 0.2f, 0.4f));
        const Array dx(device, g.size()), dgamma(device, g.channels), dbeta(device, g.channels),
            alone(device, g.size());
        const View<float> scale = scaled ? gamma.view() : none;
        kernels::batch_norm_backward(device)(x.view(), scale, mean.view(), variance.view(), dy.view(), dx.view(),
                                             dgamma.view(), dbeta.view(), g, 1e-3f, frozen);
        kernels::batch_norm_backward(device)(x.view(), scale, mean.view(), variance.view(), dy.view(), alone.view(),
                                             none, none, g, 1e-3f, frozen);
        CHECK(alone.values() == dx.values());
        Floats all = dx.values();
        for (const float value : dgamma.values()) all.push_back(value);
        for (const float value : dbeta.values()) all.push_back(value);
        return all;
      },
      1e-5);
}

TEST_CASE("CUDA softmax and cross-entropy are the CPU's", "[cuda]") {
  const RowsGeometry g = GENERATE(RowsGeometry{19, 5}, RowsGeometry{3, 100}, RowsGeometry{1, 1});
  const bool weighted = GENERATE(false, true);
  check_near([&](Device device) {
    const Array x(device, draw(g.size(), 1, -90.0f, 100.0f)), y(device, g.size());
    kernels::softmax_forward(device)(x.view(), y.view(), g);
    return y.values();
  });
  check_near([&](Device device) {
    const Array y(device, draw(g.size(), 1, 0.0f, 1.0f)), dy(device, draw(g.size(), 2)), dx(device, g.size());
    kernels::softmax_backward(device)(y.view(), dy.view(), dx.view(), g);
    return dx.values();
  });
  check_near([&](Device device) {
    std::vector<std::int32_t> numbers(static_cast<std::size_t>(g.rows));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int32_t>(i) * 3 % g.channels;
    const DeviceArray<std::int32_t> labels(device, numbers);
    const Array logits(device, draw(g.size(), 1, -9.0f, 9.0f)), targets(device, g.size());
    const Array weights(device, draw(g.rows, 2)), loss(device, g.rows), dloss(device, draw(g.rows, 3));
    const Array dlogits(device, g.size());
    const View<float> weight = weighted ? weights.view() : View<float>{};
    kernels::one_hot(device)(labels.view(), targets.view(), g, 0.1f);
    kernels::softmax_cross_entropy_forward(device)(logits.view(), targets.view(), weight, loss.view(), g);
    kernels::softmax_cross_entropy_backward(device)(logits.view(), targets.view(), weight, dloss.view(), dlogits.view(),
                                                    g);
    Floats all = loss.values();
    for (const float value : targets.values()) all.push_back(value);
    for (const float value : dlogits.values()) all.push_back(value);
    return all;
  });
}

TEST_CASE("a NaN among the logits makes its CUDA row NaN and no other", "[cuda]") {
  const RowsGeometry g{3, 40};
  for (const Device device : cuda_devices()) {
    Floats values = draw(g.size(), 1);
    values[55] = not_a_number;
    const Array x(device, values), y(device, g.size());
    kernels::softmax_forward(device)(x.view(), y.view(), g);
    const Floats softmax = y.values();
    for (std::size_t i = 0; i < softmax.size(); ++i) REQUIRE(std::isnan(softmax[i]) == (i / 40 == 1));
  }
}

TEST_CASE("CUDA finds the first largest of a row, a NaN before all", "[cuda]") {
  const RowsGeometry g{40, 70};
  check_same([&](Device device) {
    Floats values = draw_whole(g.size(), 1);  // whole numbers: many equal
    for (std::size_t row = 0; row < 10; ++row) values[row * 70 + 65] = values[row * 70 + 7 * row] = not_a_number;
    const Array x(device, values);
    const DeviceArray<std::int32_t> index(device, g.rows);
    kernels::argmax_rows(device)(x.view(), index.view(), g);
    return index.values();
  });
}
