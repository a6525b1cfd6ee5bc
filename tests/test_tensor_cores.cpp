// Convolutions and products on tensor cores: exact on whole numbers, within the bound that TF32 gives elsewhere, and
// taken where the precision allows. Emulated everywhere, on a GPU where there is one.
#include <cstdlib>

#include "mien/kernels/precision.h"
#include "mien/tests/device_array.h"

using namespace mien;
using namespace mien::testing;

namespace {

using Array = DeviceArray<float>;

/// A precision, until the end of the scope; `highest` afterwards.
class PrecisionScope {
 public:
  explicit PrecisionScope(Float32Precision precision) { set_float32_precision(precision); }
  ~PrecisionScope() { set_float32_precision(Float32Precision::highest); }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;
};

Conv2dGeometry convolution(int batch, WindowAxis height, WindowAxis width, int in, int out, int groups = 1) {
  Conv2dGeometry g;
  g.batch = batch, g.in_channels = in, g.out_channels = out, g.groups = groups, g.bias = true;
  g.height = window_axis(height, Padding::same), g.width = window_axis(width, Padding::same);
  return g;
}

// Channels in fours and not, several tiles of rows and of columns, strides, dilation, groups, a kernel of one tap.
const Conv2dGeometry geometries[] = {
    convolution(2, {.input = 11, .kernel = 3}, {.input = 13, .kernel = 3}, 8, 72),
    convolution(1, {.input = 12, .kernel = 3}, {.input = 13, .kernel = 3}, 20, 12),
    convolution(1, {.input = 9, .kernel = 5, .stride = 2}, {.input = 14, .kernel = 3, .stride = 3}, 12, 36),
    convolution(1, {.input = 10, .kernel = 3, .dilation = 2}, {.input = 9, .kernel = 2, .dilation = 3}, 16, 24, 2),
    convolution(2, {.input = 5, .kernel = 1}, {.input = 6, .kernel = 1, .stride = 2}, 68, 36),
    convolution(1, {.input = 7, .kernel = 3}, {.input = 6, .kernel = 3}, 3, 34),
};

Conv2dGeometry any_geometry() {
  return geometries[static_cast<std::size_t>(GENERATE(range(0, static_cast<int>(std::size(geometries)))))];
}

struct Data {
  Floats x, w, bias, dz;
};

Data data_of(const Conv2dGeometry& g, bool whole) {
  return {draw_values(g.x_size(), 1, whole), draw_values(g.w_size(), 2, whole), draw_values(g.out_channels, 3, whole),
          draw_values(g.convolution_size(), 4, whole)};
}

Floats forward(Device device, const Conv2dGeometry& g, const Data& data, Conv2dAlgorithm algorithm) {
  const Array x(device, data.x), w(device, data.w), bias(device, data.bias), y(device, g.y_size());
  const DeviceArray<std::uint8_t> argmax(device, g.pool ? g.y_size() : 0);
  kernels::conv2d_forward(device)(x.view(), w.view(), bias.view(), y.view(), argmax.view(), g, algorithm);
  Floats all = y.values();
  for (const std::uint8_t place : argmax.values()) all.push_back(place);
  return all;
}

Floats input_gradient(Device device, const Conv2dGeometry& g, const Data& data, Conv2dAlgorithm algorithm) {
  const Array dz(device, data.dz), w(device, data.w), dx(device, g.x_size());
  kernels::conv2d_backward_input(device)(dz.view(), w.view(), dx.view(), g, algorithm);
  return dx.values();
}

Floats weight_gradient(Device device, const Conv2dGeometry& g, const Data& data, Conv2dAlgorithm algorithm) {
  const Array x(device, data.x), dz(device, data.dz), dw(device, g.w_size());
  kernels::conv2d_backward_weights(device)(x.view(), dz.view(), dw.view(), g, algorithm);
  return dw.values();
}

using Pass = Floats (*)(Device, const Conv2dGeometry&, const Data&, Conv2dAlgorithm);
const Pass passes[] = {forward, input_gradient, weight_gradient};

Pass any_pass() { return passes[GENERATE(0, 1, 2)]; }

/// run(device) is as near to `exact` as sums of so many products can be whose factors are rounded to TF32. A factor
/// keeps 11 bits: it is off by 2^-11 of itself, so a product of two by 2^-10 and a little. Each addition may lose 2^-23
/// of the sum so far, here and in what it is compared with.
template <class Run>
void check_bound(const Floats& exact, const Floats& sum_of_magnitudes, double terms, const Run& run) {
  const double bound = 0x1p-10 + 0x1p-22 + 2 * terms * 0x1p-23;
  for (const Device device : cuda_devices()) {
    INFO(device);
    const Floats result = run(device);
    REQUIRE(result.size() == exact.size());
    double worst = 0;
    for (std::size_t i = 0; i < exact.size(); ++i)
      if (sum_of_magnitudes[i] > 0)
        worst = std::max(worst, std::abs(double{result[i]} - exact[i]) / sum_of_magnitudes[i]);
    CHECK(worst <= bound);
    CHECK(worst > 0x1p-16);  // they do round
  }
}

/// Terms of the longest sum of any pass.
double longest_sum(const Conv2dGeometry& g) {
  const double taps = static_cast<double>(g.height.kernel) * g.width.kernel;
  return std::max({taps * g.in_per_group(), taps * g.out_per_group(),
                   static_cast<double>(g.batch) * g.height.output * g.width.output});
}

Data magnitudes(Data data) {
  for (Floats* values : {&data.x, &data.w, &data.bias, &data.dz})
    for (float& value : *values) value = std::abs(value);
  return data;
}

}  // namespace

TEST_CASE("the precision is what was set, else what the environment says, else high on a GPU alone", "[cuda]") {
  const char* const before = std::getenv("MIEN_FLOAT32_PRECISION");
  const std::string kept = before ? before : "";
  const auto from = [](const char* value) {
    setenv("MIEN_FLOAT32_PRECISION", value, 1);
    return float32_precision(Device::cuda);
  };
  CHECK(from("") == Float32Precision::high);
  CHECK(float32_precision(Device::cuda_emulated) == Float32Precision::highest);
  CHECK(float32_precision(Device::cpu) == Float32Precision::highest);
  CHECK(from("highest") == Float32Precision::highest);
  CHECK(from("high") == Float32Precision::high);
  CHECK_THROWS_WITH(from("low"), "[precision] MIEN_FLOAT32_PRECISION is highest or high. Got \"low\".");
  setenv("MIEN_FLOAT32_PRECISION", kept.c_str(), 1);
  const PrecisionScope set(Float32Precision::high);
  CHECK(float32_precision(Device::cuda_emulated) == Float32Precision::high);
}

TEST_CASE("on whole numbers tensor cores give the plain loops' results, to the bit", "[cuda]") {
  Conv2dGeometry g = any_geometry();
  const Pass pass = any_pass();
  if (pass == forward) {
    g.pool = GENERATE(false, true);
    g.activation = {ActivationKind::relu};
  }
  const Data data = data_of(g, true);
  check_same([&](Device device) {
    return pass(device, g, data, device == Device::cpu ? Conv2dAlgorithm::reference : Conv2dAlgorithm::tensor_cores);
  });
}

TEST_CASE("tensor cores round factors to TF32 and nothing else", "[cuda]") {
  const Conv2dGeometry g = any_geometry();
  const Pass pass = any_pass();
  const Data data = data_of(g, false);
  const Floats exact = pass(Device::cpu, g, data, Conv2dAlgorithm::reference);
  const Floats sum_of_magnitudes = pass(Device::cpu, g, magnitudes(data), Conv2dAlgorithm::reference);
  check_bound(exact, sum_of_magnitudes, longest_sum(g),
              [&](Device device) { return pass(device, g, data, Conv2dAlgorithm::tensor_cores); });
}

TEST_CASE("tensor cores get factors that were rounded to nearest, not cut off", "[cuda]") {
  const Conv2dGeometry g = any_geometry();
  const Pass pass = any_pass();
  // Three quarters of the way from one TF32 number to the next, and that next one.
  const float between = 1 + 0x1.8p-11f, nearest = 1 + 0x1p-10f;
  const auto values = GENERATE(&Data::x, &Data::w, &Data::dz);
  check_same([&](Device device) {
    Data data = data_of(g, true);
    for (float& value : data.*values) value = device == Device::cpu ? nearest : between;
    return pass(device, g, data, device == Device::cpu ? Conv2dAlgorithm::reference : Conv2dAlgorithm::tensor_cores);
  });
}

TEST_CASE("a tensor-core convolution is the library's choice where the precision is high, and only there", "[cuda]") {
  const Conv2dGeometry g = convolution(1, {.input = 6, .kernel = 3}, {.input = 7, .kernel = 3}, 20, 24);
  const Pass pass = any_pass();
  const Data data = data_of(g, false);
  for (const Device device : cuda_devices()) {
    INFO(device);
    const Floats rounded = pass(device, g, data, Conv2dAlgorithm::tensor_cores);
    const Floats exact = pass(device, g, data, Conv2dAlgorithm::gemm);
    CHECK(rounded != exact);
    {
      const PrecisionScope scope(Float32Precision::high);
      CHECK(pass(device, g, data, Conv2dAlgorithm::automatic) == rounded);
    }
    const PrecisionScope scope(Float32Precision::highest);
    CHECK(pass(device, g, data, Conv2dAlgorithm::automatic) == exact);
  }
}

TEST_CASE("a view that lies askew in memory is copied float by float", "[cuda]") {
  const Conv2dGeometry g = convolution(1, {.input = 6, .kernel = 3}, {.input = 7, .kernel = 3}, 8, 16);
  const Data data = data_of(g, true);
  check_same([&](Device device) {
    Floats shifted = data.x;
    shifted.insert(shifted.begin(), 0.0f);
    const Array x(device, shifted), w(device, data.w), bias(device, data.bias), y(device, g.y_size());
    kernels::conv2d_forward(device)({x.view().data + 1, g.x_size()}, w.view(), bias.view(), y.view(), {}, g,
                                    Conv2dAlgorithm::tensor_cores);
    return y.values();
  });
}

TEST_CASE("a weight gradient on tensor cores is summed in parts, in a fixed order", "[cuda]") {
  const Conv2dGeometry g = convolution(2, {.input = 48, .kernel = 1}, {.input = 48, .kernel = 1}, 4, 8);
  const Data data = data_of(g, true);
  check_same([&](Device device) { return weight_gradient(device, g, data, Conv2dAlgorithm::tensor_cores); });
}

TEST_CASE("matrix products on tensor cores are exact on whole numbers and within TF32's bound elsewhere", "[cuda]") {
  MatmulGeometry g = GENERATE(MatmulGeometry{70, 132, 36}, MatmulGeometry{37, 30, 50}, MatmulGeometry{140, 20, 24});
  g.transpose_a = GENERATE(false, true);
  g.transpose_b = GENERATE(false, true);
  const auto multiply = [&](Device device, const Floats& left, const Floats& right) {
    const Array a(device, left), b(device, right), c(device, std::int64_t{g.m} * g.n);
    kernels::matmul(device)(a.view(), b.view(), c.view(), g);
    return c.values();
  };
  const PrecisionScope scope(Float32Precision::high);
  const std::int64_t a_size = std::int64_t{g.m} * g.k, b_size = std::int64_t{g.k} * g.n;
  check_same([&](Device device) { return multiply(device, draw_whole(a_size, 1), draw_whole(b_size, 2)); });

  const Floats a = draw(a_size, 1), b = draw(b_size, 2);
  const auto magnitudes_of = [](Floats values) {
    for (float& value : values) value = std::abs(value);
    return values;
  };
  check_bound(multiply(Device::cpu, a, b), multiply(Device::cpu, magnitudes_of(a), magnitudes_of(b)), g.k,
              [&](Device device) { return multiply(device, a, b); });
}

TEST_CASE("dense layers on tensor cores add the bias and activate", "[cuda]") {
  const PrecisionScope scope(Float32Precision::high);
  const DenseGeometry g{.rows = 20, .in = 52, .out = 36, .bias = true, .activation = {ActivationKind::relu}};
  check_same([&](Device device) {
    const Array x(device, draw_whole(20 * 52, 1)), w(device, draw_whole(52 * 36, 2)), b(device, draw_whole(36, 3));
    const Array y(device, 20 * 36);
    kernels::dense_forward(device)(x.view(), w.view(), b.view(), y.view(), g);
    return y.values();
  });
}

TEST_CASE("the CPU, which has no tensor cores, takes its direct kernels instead", "[cuda]") {
  const Conv2dGeometry g = convolution(1, {.input = 6, .kernel = 3}, {.input = 7, .kernel = 3}, 20, 24);
  const Pass pass = any_pass();
  const Data data = data_of(g, false);
  CHECK(pass(Device::cpu, g, data, Conv2dAlgorithm::tensor_cores) ==
        pass(Device::cpu, g, data, Conv2dAlgorithm::direct));
}
