// The CPU kernels for memory, element-wise work, sums and moving data, against the definitions in reference.h.
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"
#include "mien/kernels/philox.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using namespace mien::testing;
namespace cpu = mien::kernels::cpu;

namespace {

constexpr std::int64_t odd_size = 3 * 4096 + 77;  // several blocks, the last one short

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

struct BroadcastAxis {
  std::int64_t extent, a_stride, b_stride;
};

BroadcastGeometry broadcast(std::vector<BroadcastAxis> axes) {
  BroadcastGeometry g;
  g.axes = static_cast<int>(axes.size());
  for (int i = 0; i < g.axes; ++i) {
    const BroadcastAxis& axis = axes[static_cast<std::size_t>(i)];
    g.extent[i] = axis.extent, g.a_stride[i] = axis.a_stride, g.b_stride[i] = axis.b_stride;
  }
  return g;
}

}  // namespace

TEST_CASE("memory is aligned to 64 bytes and survives copies", "[cpu]") {
  void* block = nullptr;
  void* other = nullptr;
  cpu::allocate(1001, &block);
  cpu::allocate(1001, &other);
  CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
  std::vector<unsigned char> sent(1001), received(1001);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<unsigned char>(i * 7);
  cpu::copy_from_host(sent.data(), block, sent.size());
  cpu::copy(block, other, sent.size());
  cpu::copy_to_host(other, received.data(), received.size());
  CHECK(sent == received);
  cpu::release(block);
  cpu::release(other);
}

TEST_CASE("memory that cannot be had is an error with the figure", "[cpu]") {
  void* block = nullptr;
  CHECK_THROWS_WITH(cpu::allocate(std::size_t{1} << 60, &block), Catch::Contains("1152921504606846976 bytes"));
  CHECK_THROWS_AS(cpu::allocate(SIZE_MAX, &block), Error);
}

TEST_CASE("fill writes every element", "[cpu]") {
  CHECK(at_every_thread_count(odd_size, [](View<float> y) { cpu::fill(y, 2.5f); }) == Floats(odd_size, 2.5f));
}

TEST_CASE("bytes and floats are scaled and shifted", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  std::vector<std::uint8_t> bytes(odd_size);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
  const Floats pixels(bytes.begin(), bytes.end()), x = draw(odd_size, 1);
  check_close(
      at_every_thread_count(odd_size, [&](View<float> y) { cpu::scale_bytes(view(bytes), y, 1 / 127.5f, -1.0f); }),
      reference::affine(doubled(pixels), 1 / 127.5f, -1), 1e-6);
  check_close(at_every_thread_count(odd_size, [&](View<float> y) { cpu::affine(view(x), y, 3.0f, -0.5f); }),
              reference::affine(doubled(x), 3, -0.5), 1e-6);
}

TEST_CASE("activations and their slopes follow the definition", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const ActivationKind kind = GENERATE(ActivationKind::linear, ActivationKind::relu, ActivationKind::relu6,
                                       ActivationKind::leaky_relu, ActivationKind::sigmoid, ActivationKind::tanh);
  const Activation activation{kind, 0.3f};
  const Floats x = draw(odd_size, 2, -8.0f, 8.0f), dy = draw(odd_size, 3);
  const Floats y =
      at_every_thread_count(odd_size, [&](View<float> out) { cpu::activation_forward(view(x), out, activation); });
  check_close(y, reference::activation(doubled(x), activation), 1e-6);

  const Floats dx = at_every_thread_count(
      odd_size, [&](View<float> out) { cpu::activation_backward(view(y), view(dy), out, activation); });
  Values expected(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double step = 1e-6;
    expected[i] = dy[i] *
                  (reference::activate(x[i] + step, activation) - reference::activate(x[i] - step, activation)) /
                  (2 * step);
  }
  check_close(dx, expected);

  Floats in_place = dy;
  cpu::activation_backward(view(y), view(in_place), view(in_place), activation);
  CHECK(in_place == dx);
}

TEST_CASE("activations pass a NaN on, wherever it stands", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const ActivationKind kind = GENERATE(ActivationKind::linear, ActivationKind::relu, ActivationKind::relu6,
                                       ActivationKind::leaky_relu, ActivationKind::sigmoid, ActivationKind::tanh);
  for (std::size_t place = 0; place < 19; ++place) {
    Floats x(19, 1.0f), y(19);
    x[place] = not_a_number;
    cpu::activation_forward(view(x), view(y), {kind});
    for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(std::isnan(y[i]) == (i == place));
  }
}

TEST_CASE("at its corners an activation's slope is TensorFlow's choice", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const Floats y(17, 0.0f), six(17, 6.0f), dy(17, 2.0f);
  Floats dx(17);
  cpu::activation_backward(view(y), view(dy), view(dx), {ActivationKind::relu});
  CHECK(dx == Floats(17, 0.0f));
  cpu::activation_backward(view(six), view(dy), view(dx), {ActivationKind::relu6});
  CHECK(dx == Floats(17, 0.0f));
  cpu::activation_backward(view(y), view(dy), view(dx), {ActivationKind::leaky_relu, 0.25f});
  CHECK(dx == Floats(17, 0.5f));
}

TEST_CASE("binary ops repeat either operand along any axis", "[cpu]") {
  const BinaryKind kind = GENERATE(BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply);
  const std::vector<BroadcastGeometry> cases = {
      broadcast({{odd_size, 1, 1}}),  // same shape
      broadcast({{odd_size, 1, 0}}),
      broadcast({{odd_size, 0, 1}}),                              // a scalar
      broadcast({{1003, 13, 0}, {13, 1, 1}}),                     // a channel vector on the right
      broadcast({{1003, 0, 13}, {13, 1, 1}}),                     // on the left
      broadcast({{211, 67, 1}, {67, 1, 0}}),                      // a value per row
      broadcast({{2111, 1, 5}, {5, 0, 1}}),                       // per short row, on the left
      broadcast({{2111, 0, 1}, {9, 1, 0}}),                       // a row against a value per row
      broadcast({{7, 0, 1}, {5, 11, 0}, {11, 1, 0}}),             // both repeated
      broadcast({{3, 35, 35}, {5, 7, 0}, {7, 1, 5}, {1, 0, 0}}),  // strides that are neither 0 nor 1
  };
  for (const BroadcastGeometry& g : cases) {
    std::int64_t a_size = 1, b_size = 1;
    for (int i = 0; i < g.axes; ++i) {
      a_size += (g.extent[i] - 1) * g.a_stride[i];
      b_size += (g.extent[i] - 1) * g.b_stride[i];
    }
    const Floats a = draw(a_size, 4), b = draw(b_size, 5);
    check_close(
        at_every_thread_count(g.size(), [&](View<float> y) { cpu::binary_forward(view(a), view(b), y, g, kind); }),
        reference::binary(doubled(a), doubled(b), g, kind), 1e-7);
  }
}

TEST_CASE("dropout drops where the uniform of the element is under the rate", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const DropoutGeometry g{.rate = 0.3f, .seed = 11, .stream = stream_of(Purpose::dropout, 4)};
  const Floats x = draw(odd_size, 6);
  const std::vector<std::int32_t> step = {5}, next = {6};
  std::vector<bool> kept(x.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    kept[i] = uniform_from_word(philox_word(g.seed, g.stream + 5, i)) >= g.rate;
    count += kept[i];
  }
  CHECK(static_cast<double>(count) / odd_size == Approx(0.7).margin(0.02));
  const auto at_step = [&](const std::vector<std::int32_t>& number) {
    return at_every_thread_count(odd_size, [&](View<float> y) { cpu::dropout(view(x), view(number), y, g); });
  };
  check_close(at_step(step), reference::dropout(doubled(x), kept, g.rate), 1e-6);
  CHECK(at_step(next) != at_step(step));
}

TEST_CASE("sums over any axes and their adjoints follow the definition", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const std::vector<ReduceGeometry> cases = {
      reduction({{odd_size, true}}, 1.0f),                              // a total
      reduction({{odd_size, false}}, 2.0f),                             // nothing summed
      reduction({{3001, true}, {13, false}}, 0.5f),                     // a bias gradient of few channels
      reduction({{67, true}, {1100, false}}, 1.0f),                     // of many, over more than one tile
      reduction({{3, false}, {49, true}, {37, false}}, 1 / 49.0f),      // a global average
      reduction({{301, false}, {41, true}}, 1.0f),                      // rows
      reduction({{1301, false}, {5, true}}, 0.2f),                      // short ones
      reduction({{2, false}, {9001, true}}, 1.0f),                      // few long rows
      reduction({{40, true}, {3, false}, {101, true}}, 1.0f),           // a channel in the middle
      reduction({{5, true}, {2, true}, {1, false}, {7, false}}, 3.0f),  // neighbours that merge
      reduction({{3, false}, {4, true}, {2, false}, {5, true}, {3, false}, {2, true}}, 1.0f),
      reduction({{1, true}, {1, false}}, 1.0f),
  };
  for (const ReduceGeometry& g : cases) {
    const Floats x = draw(g.x_size(), 7), y = draw(g.y_size(), 8);
    check_close(at_every_thread_count(g.y_size(), [&](View<float> out) { cpu::reduce_sum(view(x), out, g); }),
                reference::reduce_sum(doubled(x), g));
    check_close(at_every_thread_count(g.x_size(), [&](View<float> out) { cpu::reduce_sum_adjoint(view(y), out, g); }),
                reference::reduce_sum_adjoint(doubled(y), g), 1e-6);
  }
}

TEST_CASE("a long sum of alike terms loses nothing to rounding", "[cpu]") {
  const std::int64_t size = 1 << 20;
  const Floats x(static_cast<std::size_t>(size), 0.1f);
  Floats total(1), columns(8);
  cpu::reduce_sum(view(x), view(total), reduction({{size, true}}, 1.0f));
  CHECK(total[0] == Approx(0.1f * static_cast<double>(size)).epsilon(1e-6));
  cpu::reduce_sum(view(x), view(columns), reduction({{size / 8, true}, {8, false}}, 1.0f));
  for (const float column : columns) CHECK(column == Approx(0.1f * static_cast<double>(size) / 8).epsilon(1e-6));
}

TEST_CASE("sums of whole numbers are exact", "[cpu]") {
  Floats x(odd_size);
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(static_cast<int>(i % 17) - 6);
    expected += static_cast<std::int64_t>(x[i]);
  }
  Floats total(1);
  cpu::reduce_sum(view(x), view(total), reduction({{odd_size, true}}, 1.0f));
  CHECK(total[0] == static_cast<float>(expected));
}

TEST_CASE("a penalty and its gradient follow the definition", "[cpu]") {
  const float l1 = 0.01f, l2 = 0.02f;
  const Floats w = draw(odd_size, 9), few = draw(31, 10), upstream = {0.7f};
  check_close(at_every_thread_count(1, [&](View<float> y) { cpu::penalty_forward(view(w), y, l1, l2); }),
              {reference::penalty(doubled(w), l1, l2)});
  check_close(
      at_every_thread_count(31, [&](View<float> dw) { cpu::penalty_backward(view(few), view(upstream), dw, l1, l2); }),
      finite_differences(doubled(few), doubled(upstream),
                         [&](const Values& values) { return Values{reference::penalty(values, l1, l2)}; }));
  const Floats corner = {0.0f, not_a_number};
  Floats dw(2);
  cpu::penalty_backward(view(corner), view(upstream), view(dw), l1, l2);
  CHECK(dw[0] == 0.0f);
  CHECK(std::isnan(dw[1]));
}

TEST_CASE("bands are written and read without touching their neighbours", "[cpu]") {
  for (const BandGeometry& g : {BandGeometry{.outer = 1501, .inner = 9, .wide = 17, .offset = 5},
                                BandGeometry{.outer = 4999, .inner = 1, .wide = 3, .offset = 2},
                                BandGeometry{.outer = 301, .inner = 70, .wide = 75, .offset = 0},
                                BandGeometry{.outer = 3, .inner = 5003, .wide = 5003, .offset = 0}}) {
    const Floats x = draw(g.outer * g.inner, 11), wide = draw(g.outer * g.wide, 12);
    check_close(at_every_thread_count(g.outer * g.wide,
                                      [&](View<float> y) {
                                        std::copy(wide.begin(), wide.end(), y.data);
                                        cpu::write_band(view(x), y, g);
                                      }),
                reference::write_band(doubled(x), doubled(wide), g), 0);
    check_close(at_every_thread_count(g.outer * g.inner, [&](View<float> y) { cpu::read_band(view(wide), y, g); }),
                reference::read_band(doubled(wide), g), 0);
  }
}

TEST_CASE("up-sampling repeats pixels of few and of many channels, its gradient adds them", "[cpu]") {
  for (const int channels : {1, 3, 8, 15, 16, 70}) {
    const UpSampling2dGeometry g{.batch = 2, .height = 3, .width = 5, .channels = channels, .rows = 2, .columns = 3};
    const Floats x = draw(g.x_size(), 15), dy = draw(g.y_size(), 16);
    check_close(at_every_thread_count(g.y_size(), [&](View<float> y) { cpu::up_sampling2d_forward(view(x), y, g); }),
                reference::up_sampling2d(doubled(x), g), 0);
    check_close(
        at_every_thread_count(g.x_size(), [&](View<float> dx) { cpu::up_sampling2d_backward(view(dy), dx, g); }),
        finite_differences(doubled(x), doubled(dy),
                           [&](const Values& values) { return reference::up_sampling2d(values, g); }));
  }
}

TEST_CASE("zero padding surrounds a picture, its gradient cuts it out again", "[cpu]") {
  const Pad2dGeometry g{
      .batch = 2, .height = 5, .width = 3, .channels = 7, .top = 1, .bottom = 0, .left = 2, .right = 3};
  const Floats x = draw(g.x_size(), 13), dy = draw(g.y_size(), 14);
  check_close(at_every_thread_count(g.y_size(), [&](View<float> y) { cpu::zero_pad2d_forward(view(x), y, g); }),
              reference::zero_pad2d(doubled(x), g), 0);
  check_close(at_every_thread_count(g.x_size(), [&](View<float> dx) { cpu::zero_pad2d_backward(view(dy), dx, g); }),
              finite_differences(doubled(x), doubled(dy),
                                 [&](const Values& values) { return reference::zero_pad2d(values, g); }));
}
