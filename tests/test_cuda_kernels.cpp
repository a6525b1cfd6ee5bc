// The CUDA kernels for element-wise work, sums, moving data, products and optimizers, against the CPU's: emulated
// everywhere, on a GPU where there is one.
#include "mien/tests/device_array.h"

using namespace mien;
using namespace mien::testing;

namespace {

constexpr std::int64_t odd_size = 2 * 4096 + 77;  // many blocks, the last one not full

using Array = DeviceArray<float>;

ReduceGeometry reduction(std::vector<std::pair<std::int64_t, bool>> axes, float scale) {
  ReduceGeometry g;
  g.axes = static_cast<int>(axes.size());
  g.scale = scale;
  for (int i = 0; i < g.axes; ++i) {
    g.extent[i] = axes[static_cast<std::size_t>(i)].first;
    g.reduced[i] = axes[static_cast<std::size_t>(i)].second;
  }
  return g;
}

}  // namespace

TEST_CASE("CUDA memory is copied and filled", "[cuda]") {
  check_same([](Device device) {
    const Array from(device, draw(odd_size, 1)), to(device, odd_size);
    kernels::copy(device)(from.view().data, to.view().data, sizeof(float) * odd_size);
    kernels::fill(device)({to.view().data, 1000}, 2.5f);
    return to.values();
  });
}

TEST_CASE("CUDA scales bytes and floats as the CPU does", "[cuda]") {
  check_same([](Device device) {
    std::vector<std::uint8_t> bytes(odd_size);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
    const DeviceArray<std::uint8_t> x(device, bytes);
    const Array middle(device, odd_size), y(device, odd_size);
    kernels::scale_bytes(device)(x.view(), middle.view(), 2.0f, -1.0f);
    kernels::affine(device)(middle.view(), y.view(), 0.5f, 3.0f);
    return y.values();
  });
}

TEST_CASE("CUDA activations and their slopes are the CPU's", "[cuda]") {
  const ActivationKind kind = GENERATE(ActivationKind::linear, ActivationKind::relu, ActivationKind::relu6,
                                       ActivationKind::leaky_relu, ActivationKind::sigmoid, ActivationKind::tanh);
  const Activation activation{kind, 0.3f};
  check_near([&](Device device) {
    const Array x(device, draw(odd_size, 1, -8.0f, 8.0f)), y(device, odd_size);
    kernels::activation_forward(device)(x.view(), y.view(), activation);
    return y.values();
  });
  check_near([&](Device device) {
    const Array y(device, draw(odd_size, 1, -1.0f, 6.0f)), dx(device, draw(odd_size, 2));
    kernels::activation_backward(device)(y.view(), dx.view(), dx.view(), activation);
    return dx.values();
  });
}

TEST_CASE("CUDA broadcasts as the CPU does", "[cuda]") {
  const BinaryKind kind = GENERATE(BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply);
  BroadcastGeometry g;
  g.axes = 3;
  const std::int64_t extent[] = {3, 50, 7}, a_stride[] = {350, 7, 1}, b_stride[] = {7, 0, 1};
  for (int i = 0; i < 3; ++i) g.extent[i] = extent[i], g.a_stride[i] = a_stride[i], g.b_stride[i] = b_stride[i];
  check_same([&](Device device) {
    const Array a(device, draw_whole(1050, 1)), b(device, draw_whole(21, 2)), y(device, 1050);
    kernels::binary_forward(device)(a.view(), b.view(), y.view(), g, kind);
    return y.values();
  });
}

TEST_CASE("CUDA drops the elements that the CPU drops", "[cuda]") {
  check_same([](Device device) {
    const Array x(device, draw(odd_size, 1)), y(device, odd_size);
    const DeviceArray<std::int32_t> step(device, std::vector<std::int32_t>{17});
    kernels::dropout(device)(x.view(), step.view(), y.view(), {.rate = 0.25f, .seed = 5, .stream = 9});
    return y.values();
  });
}

TEST_CASE("CUDA sums over axes equal the CPU's on whole numbers", "[cuda]") {
  const ReduceGeometry g =
      GENERATE(reduction({{odd_size, true}}, 1.0f), reduction({{5, false}, {9, true}}, 0.5f),
               reduction({{2500, true}, {3, false}}, 1.0f), reduction({{3, true}, {700, true}, {40, false}}, 0.25f),
               reduction({{2, false}, {100, true}, {5, false}}, 1.0f), reduction({{4, false}, {5000, true}}, 1.0f),
               reduction({{3, true}, {4, false}, {90, true}, {2, false}}, 1.0f));
  check_same([&](Device device) {
    const Array x(device, draw_whole(g.x_size(), 1)), y(device, g.y_size());
    kernels::reduce_sum(device)(x.view(), y.view(), g);
    return y.values();
  });
  check_same([&](Device device) {
    const Array y(device, draw_whole(g.y_size(), 1)), x(device, g.x_size());
    kernels::reduce_sum_adjoint(device)(y.view(), x.view(), g);
    return x.values();
  });
}

TEST_CASE("a CUDA sum of many floats keeps seven digits", "[cuda]") {
  const Floats values = draw(200000, 3, 0.0f, 1.0f);
  double exact = 0;
  for (const float value : values) exact += value;
  for (const Device device : cuda_devices()) {
    const Array x(device, values), y(device, 1);
    kernels::reduce_sum(device)(x.view(), y.view(), reduction({{200000, true}}, 1.0f));
    CHECK(y.values()[0] == static_cast<float>(exact));
  }
}

TEST_CASE("CUDA penalties and norms are the CPU's", "[cuda]") {
  check_near([](Device device) {
    const Array w(device, draw(odd_size, 1)), penalty(device, 1), squares(device, 1), dpenalty(device, Floats{0.5f});
    const Array dw(device, odd_size), clipped(device, odd_size), shrunk(device, odd_size);
    kernels::penalty_forward(device)(w.view(), penalty.view(), 0.01f, 0.02f);
    kernels::penalty_backward(device)(w.view(), dpenalty.view(), dw.view(), 0.01f, 0.02f);
    kernels::sum_of_squares(device)(w.view(), squares.view());
    kernels::clip_values(device)(w.view(), clipped.view(), 0.3f);
    kernels::clip_norm(device)(w.view(), squares.view(), shrunk.view(), 2.0f);
    Floats all;
    for (const Array* part : {&penalty, &squares, &dw, &clipped, &shrunk})
      for (const float value : part->values()) all.push_back(value);
    return all;
  });
}

TEST_CASE("one NaN or infinity among many is noted on CUDA", "[cuda]") {
  const float bad = GENERATE(as<float>{}, not_a_number, infinity, -infinity);
  for (const Device device : cuda_devices()) {
    Floats values = draw(odd_size, 1);
    INFO(bad << " on " << device);
    const Array good(device, values);
    values[5000] = bad;
    const Array spoilt(device, values), state(device, Floats(optimizer_state_size, 1.0f));
    kernels::note_finite(device)(good.view(), state.view());
    CHECK(state.values() == Floats(optimizer_state_size, 1.0f));
    kernels::note_finite(device)(spoilt.view(), state.view());
    CHECK(state.values()[state_finite] == 0.0f);
    CHECK(state.values()[state_step] == 1.0f);
  }
}

TEST_CASE("CUDA moves bands, pads and gathers as the CPU does", "[cuda]") {
  const BandGeometry band{.outer = 30, .inner = 7, .wide = 20, .offset = 4};
  check_same([&](Device device) {
    const Array x(device, draw(210, 1)), wide(device, draw(600, 2)), back(device, 210);
    kernels::write_band(device)(x.view(), wide.view(), band);
    kernels::read_band(device)(wide.view(), back.view(), band);
    CHECK(back.values() == x.values());
    return wide.values();
  });
  const Pad2dGeometry pad{
      .batch = 2, .height = 5, .width = 4, .channels = 3, .top = 1, .bottom = 2, .left = 0, .right = 3};
  check_same([&](Device device) {
    const Array x(device, draw(pad.x_size(), 1)), y(device, pad.y_size());
    kernels::zero_pad2d_forward(device)(x.view(), y.view(), pad);
    return y.values();
  });
  check_same([&](Device device) {
    const Array dy(device, draw(pad.y_size(), 1)), dx(device, pad.x_size());
    kernels::zero_pad2d_backward(device)(dy.view(), dx.view(), pad);
    return dx.values();
  });
  check_same([](Device device) {
    const DeviceArray<std::int32_t> index(device, std::vector<std::int32_t>{3, 0, 2, 3});
    const Array table(device, draw(4, 1)), y(device, 4);
    kernels::gather(device)(table.view(), index.view(), y.view());
    return y.values();
  });
}

TEST_CASE("CUDA products equal the CPU's on whole numbers, narrow and tiled, transposed or not", "[cuda]") {
  MatmulGeometry g = GENERATE(MatmulGeometry{3, 4, 5}, MatmulGeometry{70, 130, 37}, MatmulGeometry{65, 16, 16},
                              MatmulGeometry{16, 5, 100}, MatmulGeometry{1, 200, 33}, MatmulGeometry{64, 64, 48});
  g.transpose_a = GENERATE(false, true);
  g.transpose_b = GENERATE(false, true);
  check_same([&](Device device) {
    const Array a(device, draw_whole(std::int64_t{g.m} * g.k, 1)), b(device, draw_whole(std::int64_t{g.k} * g.n, 2));
    const Array c(device, std::int64_t{g.m} * g.n);
    kernels::matmul(device)(a.view(), b.view(), c.view(), g);
    return c.values();
  });
}

TEST_CASE("the narrow and the tiled CUDA product sum in the same order", "[cuda]") {
  // The same 15 columns, alone and among 20: the plain kernel and the tiled one.
  const MatmulGeometry narrow{.m = 40, .n = 15, .k = 100}, wide{.m = 40, .n = 20, .k = 100};
  const Floats a_values = draw(4000, 1), b_values = draw(2000, 2);
  Floats first_columns;
  for (std::size_t i = 0; i < 100; ++i)
    for (std::size_t j = 0; j < 15; ++j) first_columns.push_back(b_values[i * 20 + j]);
  for (const Device device : cuda_devices()) {
    const Array a(device, a_values), b(device, b_values), few(device, first_columns), c(device, 800), d(device, 600);
    kernels::matmul(device)(a.view(), b.view(), c.view(), wide);
    kernels::matmul(device)(a.view(), few.view(), d.view(), narrow);
    const Floats tiled = c.values(), plain = d.values();
    for (std::size_t i = 0; i < 40; ++i)
      for (std::size_t j = 0; j < 15; ++j) REQUIRE(tiled[i * 20 + j] == plain[i * 15 + j]);
  }
}

TEST_CASE("CUDA dense layers add the bias and activate", "[cuda]") {
  const bool bias = GENERATE(false, true);
  const int out = GENERATE(5, 33);
  const DenseGeometry g{.rows = 20, .in = 50, .out = out, .bias = bias, .activation = {ActivationKind::relu}};
  check_same([&](Device device) {
    const Array x(device, draw_whole(1000, 1)), w(device, draw_whole(50 * out, 2)), b(device, draw_whole(out, 3));
    const Array y(device, 20 * out);
    kernels::dense_forward(device)(x.view(), w.view(), bias ? b.view() : View<float>{}, y.view(), g);
    return y.values();
  });
}

TEST_CASE("CUDA optimizers step as the CPU's, and not at all after a bad gradient", "[cuda]") {
  const bool plain = GENERATE(false, true);
  const float finite = GENERATE(1.0f, 0.0f);
  Floats state_values(optimizer_state_size, 0.0f);
  state_values[state_learning_rate] = 0.01f, state_values[state_step] = 3.0f, state_values[state_finite] = finite;
  state_values[state_bias_first] = 0.271f, state_values[state_bias_second] = 0.002997f;
  check_near([&](Device device) {
    const Array gradient(device, draw(1000, 1)), state(device, state_values);
    const Array sgd(device, draw(1000, 2)), rmsprop(device, draw(1000, 3)), adam(device, draw(1000, 4));
    const Array one(device, draw(1000, 5, 0.1f, 1.0f)), two(device, draw(1000, 6, 0.0f, 0.1f));
    const Array three(device, draw(1000, 7)), four(device, draw(1000, 8)), five(device, draw(1000, 9, 0.1f, 1.0f));
    const Array six(device, draw(1000, 10, 0.1f, 1.0f)), average(device, draw(1000, 11));
    const float momentum = plain ? 0.0f : 0.9f, weight_decay = plain ? 0.0f : 0.01f;
    const View<float> none;
    kernels::sgd_update(device)(gradient.view(), state.view(), sgd.view(), plain ? none : three.view(),
                                {.momentum = momentum, .nesterov = !plain, .weight_decay = weight_decay});
    kernels::rmsprop_update(device)(gradient.view(), state.view(), rmsprop.view(), one.view(),
                                    plain ? none : two.view(), plain ? none : four.view(),
                                    {.momentum = momentum, .centered = !plain, .weight_decay = weight_decay});
    kernels::adam_update(device)(gradient.view(), state.view(), adam.view(), average.view(), five.view(),
                                 plain ? none : six.view(), {.amsgrad = !plain, .weight_decay = weight_decay});
    kernels::moving_average(device)(gradient.view(), average.view(), 0.99f);
    Floats all;
    for (const Array* part : {&sgd, &rmsprop, &adam, &one, &two, &three, &four, &five, &six, &average})
      for (const float value : part->values()) all.push_back(value);
    return all;
  });
}
