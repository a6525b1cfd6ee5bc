// The CPU kernels for pooling, batch normalisation, softmax and the losses, against the definitions in reference.h.
#include "mien/kernels/error.h"
#include "mien/kernels/kernels.h"
#include "mien/tests/kernel_testing.h"

using namespace mien;
using namespace mien::testing;
namespace cpu = mien::kernels::cpu;

namespace {

WindowAxis axis(int input, int kernel, int stride, Padding padding, int begin = 0, int end = 0) {
  return window_axis({.input = input, .kernel = kernel, .stride = stride, .padding_begin = begin, .padding_end = end},
                     padding);
}

const std::vector<Pool2dGeometry> pools = {
    // 2x2 in one and in many channels, odd sizes that drop a row and a column
    {3, axis(9, 2, 2, Padding::valid), axis(11, 2, 2, Padding::valid), 1},
    {1, axis(6, 2, 2, Padding::valid), axis(5, 2, 2, Padding::valid), 37},
    // overlapping windows, padding
    {2, axis(7, 3, 2, Padding::same), axis(6, 3, 2, Padding::same), 5},
    {1, axis(6, 3, 1, Padding::same), axis(5, 2, 3, Padding::same), 17},
    {1, axis(5, 3, 2, Padding::explicit_cells, 1, 2), axis(4, 2, 1, Padding::explicit_cells, 1, 0), 3},
    // lines longer than vectors, with few channels and many, with and without padding
    {1, axis(5, 2, 2, Padding::valid), axis(83, 2, 2, Padding::valid), 1},
    {1, axis(7, 3, 2, Padding::same), axis(70, 3, 2, Padding::same), 1},
    {1, axis(8, 3, 3, Padding::explicit_cells, 2, 1), axis(41, 4, 3, Padding::explicit_cells, 2, 3), 2},
    {1, axis(5, 3, 1, Padding::same), axis(21, 3, 1, Padding::same), 8},
    {2, axis(6, 3, 2, Padding::explicit_cells, 1, 1), axis(11, 3, 2, Padding::explicit_cells, 1, 1), 9},
    {1, axis(5, 2, 2, Padding::valid), axis(6, 5, 3, Padding::same), 16},
    // windows apart from one another
    {1, axis(10, 2, 3, Padding::valid), axis(9, 1, 4, Padding::valid), 4},
};

struct MaxPooled {
  Floats y;
  std::vector<std::int32_t> argmax;
};

MaxPooled max_pool(const Floats& x, const Pool2dGeometry& g) {
  MaxPooled result;
  result.argmax = at_every_thread_count<std::int32_t>(g.y_size(), [&](View<std::int32_t> argmax) {
    result.y.assign(static_cast<std::size_t>(g.y_size()), not_a_number);
    cpu::max_pool2d_forward(view(x), view(result.y), argmax, g);
  });
  return result;
}

}  // namespace

TEST_CASE("max pooling keeps the first maximum of each window, and its gradient goes there", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  for (const Pool2dGeometry& g : pools) {
    Floats x = draw(g.x_size(), 1);
    for (float& value : x) value = std::round(value * 4);  // many ties
    const reference::MaxPool expected = reference::max_pool2d(doubled(x), g);
    const MaxPooled pooled = max_pool(x, g);
    check_close(pooled.y, expected.y, 0);
    CHECK(std::vector<int>(pooled.argmax.begin(), pooled.argmax.end()) == expected.argmax);

    x = draw(g.x_size(), 2);  // no ties: finite differences know no first maximum
    const Floats dy = draw(g.y_size(), 3);
    const MaxPooled untied = max_pool(x, g);
    check_close(
        at_every_thread_count(g.x_size(),
                              [&](View<float> dx) { cpu::max_pool2d_backward(view(untied.argmax), view(dy), dx, g); }),
        finite_differences(
            doubled(x), doubled(dy), [&](const Values& values) { return reference::max_pool2d(values, g).y; }, 1e-7));
  }
}

TEST_CASE("a NaN is the maximum of its window, and the first of two", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const Pool2dGeometry g{1, axis(2, 2, 2, Padding::valid), axis(2, 2, 2, Padding::valid), 19};
  for (int channel = 0; channel < g.channels; ++channel)
    for (int tap = 0; tap < 4; ++tap) {
      Floats x(static_cast<std::size_t>(g.x_size()), 1.0f);
      x[static_cast<std::size_t>(tap * g.channels + channel)] = not_a_number;
      x[static_cast<std::size_t>(3 * g.channels + channel)] = not_a_number;
      const MaxPooled pooled = max_pool(x, g);
      for (int c = 0; c < g.channels; ++c) {
        REQUIRE(std::isnan(pooled.y[static_cast<std::size_t>(c)]) == (c == channel));
        REQUIRE(pooled.argmax[static_cast<std::size_t>(c)] == (c == channel ? tap : 0));
      }
    }
}

TEST_CASE("a window of minus infinities still has a maximum", "[cpu]") {
  const Pool2dGeometry g{1, axis(2, 2, 2, Padding::valid), axis(2, 2, 2, Padding::valid), 1};
  const MaxPooled pooled = max_pool(Floats(4, -infinity), g);
  CHECK(pooled.y[0] == -infinity);
  CHECK(pooled.argmax[0] == 0);
}

TEST_CASE("average pooling divides by the cells inside the picture", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  for (const Pool2dGeometry& g : pools) {
    const Floats x = draw(g.x_size(), 4), dy = draw(g.y_size(), 5);
    check_close(at_every_thread_count(g.y_size(), [&](View<float> y) { cpu::average_pool2d_forward(view(x), y, g); }),
                reference::average_pool2d(doubled(x), g));
    check_close(
        at_every_thread_count(g.x_size(), [&](View<float> dx) { cpu::average_pool2d_backward(view(dy), dx, g); }),
        finite_differences(doubled(x), doubled(dy),
                           [&](const Values& values) { return reference::average_pool2d(values, g); }));
  }
}

TEST_CASE("batch normalisation gives the batch mean 0 and variance 1, then gamma and beta", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const float epsilon = 1e-3f;
  for (const RowsGeometry& g : {RowsGeometry{1001, 13}, RowsGeometry{67, 600}, RowsGeometry{5003, 1}}) {
    Floats x = draw(g.size(), 6);
    for (float& value : x) value = 5 + value;  // a mean that a naive variance would drown in
    const Floats gamma = draw(g.channels, 7), beta = draw(g.channels, 8), none;
    for (const bool scaled : {true, false}) {
      const Floats& gamma_used = scaled ? gamma : none;
      const Floats& beta_used = scaled ? beta : none;
      Floats mean, variance;
      const Floats y = at_every_thread_count(g.size(), [&](View<float> out) {
        mean.assign(static_cast<std::size_t>(g.channels), not_a_number);
        variance = mean;
        cpu::batch_norm_forward(view(x), view(gamma_used), view(beta_used), out, view(mean), view(variance), g,
                                epsilon);
      });
      const reference::BatchNorm expected =
          reference::batch_norm(doubled(x), doubled(gamma_used), doubled(beta_used), g, epsilon);
      check_close(y, expected.y);
      check_close(mean, expected.mean, 1e-6);
      check_close(variance, expected.variance, 1e-6);
      check_close(at_every_thread_count(g.size(),
                                        [&](View<float> out) {
                                          cpu::batch_norm_inference(view(x), view(gamma_used), view(beta_used),
                                                                    view(mean), view(variance), out, g, epsilon);
                                        }),
                  expected.y);
    }
  }
}

TEST_CASE("the batch variance is exact where the first rows are unlike the others", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  for (const int channels : {3, 8, 96, 520}) {
    const RowsGeometry g{900, channels};
    Floats x = draw(g.size(), 21), y(x.size()), mean(static_cast<std::size_t>(channels)), variance(mean.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = i < x.size() / 4 ? 0.0f : 1000.0f + x[i];
    cpu::batch_norm_forward(view(x), {}, {}, view(y), view(mean), view(variance), g, 1e-3f);
    const reference::BatchNorm expected = reference::batch_norm(doubled(x), {}, {}, g, 1e-3);
    check_close(mean, expected.mean, 1e-6);
    check_close(variance, expected.variance, 1e-6);
  }
}

TEST_CASE("batch normalisation's gradients are those of the definition, training and frozen", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const RowsGeometry g{23, 5};
  const double epsilon = 1e-3f;
  const Floats x = draw(g.size(), 9), gamma = draw(g.channels, 10), beta = draw(g.channels, 11),
               dy = draw(g.size(), 12);
  const reference::BatchNorm batch = reference::batch_norm(doubled(x), doubled(gamma), doubled(beta), g, epsilon);
  const Floats mean(batch.mean.begin(), batch.mean.end()), variance(batch.variance.begin(), batch.variance.end());
  for (const bool frozen : {false, true}) {
    const auto definition = [&](const Values& from, const Values& scale, const Values& offset) {
      return frozen ? reference::batch_norm_inference(from, scale, offset, batch.mean, batch.variance, g, epsilon)
                    : reference::batch_norm(from, scale, offset, g, epsilon).y;
    };
    Floats dgamma, dbeta;
    const Floats dx = at_every_thread_count(g.size(), [&](View<float> out) {
      dgamma.assign(5, not_a_number), dbeta.assign(5, not_a_number);
      cpu::batch_norm_backward(view(x), view(gamma), view(mean), view(variance), view(dy), out, view(dgamma),
                               view(dbeta), g, 1e-3f, frozen);
    });
    check_close(dx, finite_differences(doubled(x), doubled(dy), [&](const Values& from) {
                  return definition(from, doubled(gamma), doubled(beta));
                }));
    check_close(dgamma, finite_differences(doubled(gamma), doubled(dy), [&](const Values& scale) {
                  return definition(doubled(x), scale, doubled(beta));
                }));
    check_close(dbeta, finite_differences(doubled(beta), doubled(dy), [&](const Values& offset) {
                  return definition(doubled(x), doubled(gamma), offset);
                }));
    // Each output alone is the same as all together.
    Floats alone(x.size(), not_a_number), dgamma_alone(5, not_a_number), dbeta_alone(5, not_a_number);
    cpu::batch_norm_backward(view(x), view(gamma), view(mean), view(variance), view(dy), view(alone), {}, {}, g, 1e-3f,
                             frozen);
    CHECK(alone == dx);
    cpu::batch_norm_backward(view(x), view(gamma), view(mean), view(variance), view(dy), {}, view(dgamma_alone), {}, g,
                             1e-3f, frozen);
    CHECK(dgamma_alone == dgamma);
    cpu::batch_norm_backward(view(x), view(gamma), view(mean), view(variance), view(dy), {}, {}, view(dbeta_alone), g,
                             1e-3f, frozen);
    CHECK(dbeta_alone == dbeta);
  }
}

TEST_CASE("a NaN in one channel stays in that channel", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const RowsGeometry g{20, 3};
  Floats x = draw(g.size(), 13), y(x.size()), mean(3), variance(3);
  x[7 * 3 + 1] = not_a_number;
  cpu::batch_norm_forward(view(x), {}, {}, view(y), view(mean), view(variance), g, 1e-3f);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(std::isnan(mean[c]) == (c == 1));
    CHECK(std::isnan(variance[c]) == (c == 1));
  }
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(std::isnan(y[i]) == (i % 3 == 1));
}

TEST_CASE("a moving average moves by 1 - momentum", "[cpu]") {
  const Floats value = {1.0f, 2.0f};
  Floats average = {0.0f, 4.0f};
  cpu::moving_average(view(value), view(average), 0.75f);
  CHECK(average == Floats{0.25f, 3.5f});
}

TEST_CASE("softmax and its gradient follow the definition, however large the logits", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  for (const RowsGeometry& g : {RowsGeometry{9, 7}, RowsGeometry{3, 1}, RowsGeometry{301, 3}, RowsGeometry{70, 31},
                                RowsGeometry{6, 32}, RowsGeometry{5, 41}}) {
    Floats x = draw(g.size(), 14, -30.0f, 30.0f);
    const Floats dy = draw(g.size(), 15);
    for (std::size_t i = 0; i < static_cast<std::size_t>(g.channels); ++i) x[i] += 1000;
    const Floats y = at_every_thread_count(g.size(), [&](View<float> out) { cpu::softmax_forward(view(x), out, g); });
    check_close(y, reference::softmax(doubled(x), g), 1e-6);
    check_close(
        at_every_thread_count(g.size(), [&](View<float> dx) { cpu::softmax_backward(view(y), view(dy), dx, g); }),
        finite_differences(doubled(x), doubled(dy),
                           [&](const Values& values) { return reference::softmax(values, g); }));
  }
}

TEST_CASE("cross-entropy and its gradient follow the definition, with and without weights", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const RowsGeometry g = GENERATE(RowsGeometry{11, 7}, RowsGeometry{131, 5}, RowsGeometry{9, 45});
  const Floats logits = draw(g.size(), 16, -20.0f, 20.0f), weights = draw(g.rows, 17, 0.5f, 2.0f), none;
  const Floats targets = draw(g.size(), 18, 0.0f, 1.0f), dloss = draw(g.rows, 19);
  for (const Floats& used : {weights, none}) {
    const auto definition = [&](const Values& values) {
      return reference::softmax_cross_entropy(values, doubled(targets), doubled(used), g);
    };
    check_close(at_every_thread_count(g.rows,
                                      [&](View<float> loss) {
                                        cpu::softmax_cross_entropy_forward(view(logits), view(targets), view(used),
                                                                           loss, g);
                                      }),
                definition(doubled(logits)));
    check_close(at_every_thread_count(g.size(),
                                      [&](View<float> dlogits) {
                                        cpu::softmax_cross_entropy_backward(view(logits), view(targets), view(used),
                                                                            view(dloss), dlogits, g);
                                      }),
                finite_differences(doubled(logits), doubled(dloss), definition));
  }
}

TEST_CASE("a NaN among a row's logits makes its loss and its softmax NaN, and no other row's", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const int channels = GENERATE(5, 39);
  const RowsGeometry g{2, channels};
  const auto row = static_cast<std::size_t>(channels);
  Floats targets(2 * row, 0.0f);
  targets[0] = targets[row] = 1;
  for (std::size_t place = 0; place < row; ++place) {
    Floats logits = draw(g.size(), 20), loss(2), y(2 * row);
    logits[place] = not_a_number;
    cpu::softmax_cross_entropy_forward(view(logits), view(targets), {}, view(loss), g);
    CHECK(std::isnan(loss[0]));
    CHECK_FALSE(std::isnan(loss[1]));
    cpu::softmax_forward(view(logits), view(y), g);
    for (std::size_t i = 0; i < 2 * row; ++i) REQUIRE(std::isnan(y[i]) == (i < row));
  }
}

TEST_CASE("labels become targets with smoothing", "[cpu]") {
  const RowsGeometry g{3, 4};
  const std::vector<std::int32_t> labels = {2, 0, 3};
  check_close(at_every_thread_count(g.size(), [&](View<float> y) { cpu::one_hot(view(labels), y, g, 0.1f); }),
              reference::one_hot({2, 0, 3}, g, 0.1f), 1e-7);
}

TEST_CASE("the largest of a row is its first, or its first NaN", "[cpu]") {
  const Floats x = {
      1,         3,         3, 2, /**/ 5, not_a_number, 9, not_a_number, /**/ not_a_number, 1, 2, 3, /**/ -infinity,
      -infinity, -infinity, -1};
  CHECK(at_every_thread_count<std::int32_t>(4, [&](View<std::int32_t> index) {
          cpu::argmax_rows(view(x), index, {4, 4});
        }) == std::vector<std::int32_t>{1, 1, 0, 3});
}

TEST_CASE("the largest of a long row is its first, or its first NaN, wherever they stand", "[cpu]") {
  const InstructionSetScope scope = with_every_instruction_set();
  const int channels = GENERATE(31, 32, 45, 100);
  const auto found = [&](const Floats& row) {
    std::vector<std::int32_t> index(1);
    cpu::argmax_rows(view(row), view(index), {1, channels});
    return index[0];
  };
  for (int first = 0; first < channels; ++first)
    for (const int second : {first, (first + 1) % channels, channels - 1}) {
      Floats row(static_cast<std::size_t>(channels), -infinity);
      row[static_cast<std::size_t>(first)] = row[static_cast<std::size_t>(second)] = 2.0f;
      REQUIRE(found(row) == std::min(first, second));
      row[0] = 3.0f;
      row[static_cast<std::size_t>(first)] = row[static_cast<std::size_t>(second)] = not_a_number;
      REQUIRE(found(row) == std::min(first, second));
    }
}

TEST_CASE("gather looks values up", "[cpu]") {
  const Floats table = {0.5f, 1.5f, 2.5f};
  const std::vector<std::int32_t> index = {2, 0, 1, 2};
  CHECK(at_every_thread_count(4, [&](View<float> y) { cpu::gather(view(table), view(index), y); }) ==
        Floats{2.5f, 0.5f, 1.5f, 2.5f});
}
