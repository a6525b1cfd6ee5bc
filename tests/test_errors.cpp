// What ops say to wrong arguments: the op, the rule, the values, before any work.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "mien/mien.h"

using namespace mien;

namespace {

Tensor filled(const Shape& shape) { return Tensor::ones(shape); }

}  // namespace

TEST_CASE("conv2d refuses what does not fit", "[errors]") {
  const Tensor x = filled({2, 8, 8, 3}), w = filled({3, 3, 3, 16}), none;
  CHECK_THROWS_WITH(conv2d(x, filled({3, 3, 4, 16}), none),
                    "[conv2d] input has 3 channels, weights expect 4. Got x=(2,8,8,3), w=(3,3,4,16).");
  CHECK_THROWS_WITH(conv2d(filled({8, 8, 3}), w, none),
                    "[conv2d] input must have 4 axes (batch, height, width, channels). Got x=(8,8,3), w=(3,3,3,16).");
  CHECK_THROWS_WITH(conv2d(x, filled({3, 16}), none),
                    "[conv2d] weights must have 4 axes (kh, kw, in / groups, out). Got x=(2,8,8,3), w=(3,16).");
  CHECK_THROWS_WITH(conv2d(x, w, filled({3})),
                    "[conv2d] the bias must have one number for each of the 16 output channels. Got x=(2,8,8,3), "
                    "w=(3,3,3,16), b=(3).");
  CHECK_THROWS_WITH(conv2d(x, filled({9, 3, 3, 16}), none),
                    "[conv2d] a window of 9 cells does not fit the input's height of 8.");
  CHECK_THROWS_WITH(conv2d(x, w, none, {.dilation = {1, 4}}),
                    "[conv2d] a window of 9 cells does not fit the input's width of 8.");
  CHECK_THROWS_WITH(conv2d(x, w, none, {.stride = {1, 0}}),
                    "[conv2d] window, stride and dilation must be at least 1 along the width. Got 3, 0 and 1.");
  CHECK_THROWS_WITH(conv2d(x, w, none, {.groups = 0}), "[conv2d] groups must be at least 1. Got 0.");
  CHECK_THROWS_WITH(conv2d(x, filled({3, 3, 1, 16}), none, {.groups = 3}),
                    "[conv2d] the 16 output channels do not divide into 3 groups. Got x=(2,8,8,3), w=(3,3,1,16).");
  CHECK_THROWS_WITH(conv2d(x, w, none, {.padding = Padding::explicit_cells, .border = {.top = -1}}),
                    "[conv2d] padding must be at least 0 on each side. Got {top -1, bottom 0, left 0, right 0}.");
  CHECK_THROWS_WITH(conv2d(x, filled({8, 8, 3, 16}), none, {.pool = true}),
                    "[conv2d] the 2x2 pool needs at least 2x2 cells, got 1x1. Got x=(2,8,8,3), w=(8,8,3,16).");
  CHECK_THROWS_WITH(conv2d(x, w, none, {.activation = softmax, .pool = true}),
                    "[conv2d] a softmax cannot stand before the fused pool.");
  CHECK_THROWS_WITH(conv2d(x, w, none, {.activation = leaky_relu(0.0f)}),
                    "[conv2d] the slope of leaky_relu must be above 0. Got 0.");
  CHECK_THROWS_WITH(conv2d(Tensor(), w, none), "[conv2d] x is missing.");
  CHECK_THROWS_WITH(conv2d(filled({0, 8, 8, 3}), w, none), "[conv2d] x has no elements. Got x=(0,8,8,3).");
}

TEST_CASE("a window that would pass the range of int is refused", "[errors]") {
  constexpr int huge = std::numeric_limits<int>::max();
  const Tensor x = filled({1, 4, 4, 1}), w = filled({2, 2, 1, 1}), none;
  CHECK_THROWS_WITH(conv2d(x, w, none, {.padding = Padding::same, .dilation = huge}),
                    Catch::Contains("may not pass 1073741823 along the height. Got 2147483648, 4 and 1."));
  CHECK_THROWS_WITH(conv2d(x, w, none, {.padding = Padding::explicit_cells, .border = {huge, huge, 0, 0}}),
                    Catch::Contains("Got 2, 4294967298 and 1."));
  CHECK_THROWS_AS(conv2d(x, w, none, {.stride = huge, .padding = Padding::same}), Error);
  CHECK_THROWS_AS(max_pool2d(x, {.size = huge, .padding = Padding::same}), Error);
  CHECK_THROWS_AS(zero_pad2d(x, {.top = huge, .bottom = huge}), Error);
  CHECK_THROWS_AS(up_sampling2d(x, huge), Error);
}

TEST_CASE("dense and matmul refuse what does not fit", "[errors]") {
  CHECK_THROWS_WITH(dense(filled({4, 7}), filled({8, 5}), Tensor()),
                    "[dense] input has 7 features, weights expect 8. Got x=(4,7), w=(8,5).");
  CHECK_THROWS_WITH(dense(filled({4, 7}), filled({7, 5}), filled({7})),
                    "[dense] the bias must have one number for each of the 5 units. Got x=(4,7), w=(7,5), b=(7).");
  CHECK_THROWS_WITH(dense(filled({4, 7}), filled({7}), Tensor()),
                    "[dense] w must have 2 axes (in, out). Got x=(4,7), w=(7).");
  CHECK_THROWS_WITH(matmul(filled({2, 3}), filled({4, 5})),
                    "[matmul] a has 3 columns, b expects 4. Got a=(2,3), b=(4,5).");
  CHECK_THROWS_WITH(matmul(filled({2, 3}), filled({4, 5}), true),
                    "[matmul] a has 2 rows (transposed), b expects 4. Got a=(2,3), b=(4,5).");
  CHECK_THROWS_WITH(matmul(filled({3}), filled({3, 5})), "[matmul] a and b must have 2 axes. Got a=(3), b=(3,5).");
}

TEST_CASE("element-wise ops and sums refuse what does not fit", "[errors]") {
  CHECK_THROWS_WITH(add(filled({2, 3}), filled({2})),
                    "[add] aligned at the last axis, lengths must be equal, or one of them 1. Got a=(2,3), b=(2).");
  CHECK_THROWS_WITH(filled({4}) * Tensor(), "[multiply] b is missing.");
  CHECK_THROWS_WITH(sum(filled({2, 3}), {2}), "[sum] axis 2 is not one of the 2 axes of x=(2,3).");
  CHECK_THROWS_WITH(mean(filled({2, 3}), {1, -1}), "[mean] axis -1 is named twice. Got x=(2,3).");
  CHECK_THROWS_WITH(softmax(Tensor::full({}, 1.0f)), "[softmax] needs at least one axis. Got a scalar.");
  CHECK_THROWS_WITH(penalty(filled({3}), -0.5f, 0.0f), "[penalty] l1 and l2 must be at least 0. Got -0.5 and 0.");
  CHECK_THROWS_WITH(leaky_relu(-1.0f)(filled({3})), "[activation] the slope of leaky_relu must be above 0. Got -1.");
  CHECK_THROWS_WITH(dropout(filled({3}), 1.0f, Tensor(), 1, 2),
                    "[dropout] rate must be at least 0 and below 1. Got 1.");
  CHECK_THROWS_WITH(dropout(filled({3}), 0.5f, filled({1}), 1, 2), "[dropout] step must be int32. Got float32.");
  CHECK_THROWS_WITH(scale_bytes(filled({3}), 1.0f), "[scale_bytes] x must be uint8. Got float32.");
  CHECK_THROWS_WITH(argmax(Tensor::from(std::vector<std::int32_t>{1}, {1})), "[argmax] x must be float32. Got int32.");
  CHECK_THROWS_WITH(parse_activation("swish"),
                    "[activation] activations are linear, relu, relu6, leaky_relu, sigmoid, tanh and softmax. Got "
                    "\"swish\".");
}

TEST_CASE("moves refuse what does not fit", "[errors]") {
  CHECK_THROWS_WITH(concatenate({}), "[concatenate] needs at least one tensor.");
  CHECK_THROWS_WITH(concatenate({filled({2, 3}), filled({3, 3})}),
                    "[concatenate] shapes must be equal but for axis -1. Got (2,3) and (3,3).");
  CHECK_THROWS_WITH(concatenate({filled({2, 3}), filled({2})}, 0),
                    "[concatenate] shapes must be equal but for axis 0. Got (2,3) and (2).");
  CHECK_THROWS_WITH(concatenate({filled({2, 3})}, 2), "[concatenate] axis 2 is not one of the 2 axes of (2,3).");
  CHECK_THROWS_WITH(reshape(filled({2, 3}), {4, -1}),
                    "[reshape] the 6 elements of x=(2,3) do not divide into rows of 4.");
  CHECK_THROWS_WITH(reshape(filled({2, 3}), {-1, -1}), "[reshape] only one length can be left open (-1). Got 2.");
  CHECK_THROWS_WITH(reshape(filled({2, 3}), {-2, 3}),
                    "[reshape] a length must be at least 0, or -1 where it is left open. Got -2.");
  CHECK_THROWS_WITH(reshape(filled({2, 3}), {5}),
                    "[reshape] both shapes must have as many elements. Got (2,3) and (5).");
  CHECK_THROWS_WITH(flatten(Tensor::full({}, 1.0f)), "[flatten] needs a batch axis. Got a scalar.");
  CHECK_THROWS_WITH(max_pool2d(filled({4, 4, 1})),
                    "[max_pool2d] input must have 4 axes (batch, height, width, channels). Got x=(4,4,1).");
  CHECK_THROWS_WITH(average_pool2d(filled({1, 4, 4, 1}), {.size = {5, 2}}),
                    "[average_pool2d] a window of 5 cells does not fit the input's height of 4.");
  CHECK_THROWS_WITH(global_average_pool2d(filled({2, 3})), "[global_average_pool2d] x must have 4 axes. Got x=(2,3).");
  CHECK_THROWS_WITH(zero_pad2d(filled({1, 4, 4, 1}), {.right = -2}),
                    "[zero_pad2d] padding must be at least 0 on each side. Got {top 0, bottom 0, left 0, right -2}.");
  CHECK_THROWS_WITH(up_sampling2d(filled({4, 4, 1})),
                    "[up_sampling2d] input must have 4 axes (batch, height, width, channels). Got x=(4,4,1).");
  CHECK_THROWS_WITH(up_sampling2d(filled({1, 4, 4, 1}), {0, 2}),
                    "[up_sampling2d] size must be at least 1 along both axes. Got 0x2.");
}

TEST_CASE("normalisation and losses refuse what does not fit", "[errors]") {
  const Tensor x = filled({4, 3}), none;
  CHECK_THROWS_WITH(batch_norm(x, filled({4}), none, none, none),
                    "[batch_norm] gamma must have one number for each of the 3 channels. Got x=(4,3), gamma=(4).");
  CHECK_THROWS_WITH(batch_norm(x, none, none, none, none, {.mode = BatchNormMode::frozen}),
                    "[batch_norm] inference needs the moving mean and variance.");
  CHECK_THROWS_WITH(batch_norm(x, none, none, none, none, {.epsilon = 0}),
                    "[batch_norm] epsilon must be above 0. Got 0.");
  const auto labels = [](std::vector<std::int32_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return Tensor::from(values, {count});
  };
  CHECK_THROWS_WITH(softmax_cross_entropy(x, labels({0, 1, 3, 2})),
                    "[softmax_cross_entropy] labels must be 0 to 2. Got 3 at place 2.");
  CHECK_THROWS_WITH(softmax_cross_entropy(x, labels({0, -1, 1, 2})),
                    "[softmax_cross_entropy] labels must be 0 to 2. Got -1 at place 1.");
  CHECK_THROWS_WITH(softmax_cross_entropy(x, labels({0, 1})),
                    "[softmax_cross_entropy] labels must have the shape (4). Got logits=(4,3), targets=(2).");
  CHECK_THROWS_WITH(softmax_cross_entropy(x, filled({4})),
                    "[softmax_cross_entropy] targets must have the shape (4,3). Got logits=(4,3), targets=(4).");
  CHECK_THROWS_WITH(softmax_cross_entropy(x, x, {.label_smoothing = 1}),
                    "[softmax_cross_entropy] label_smoothing must be at least 0 and below 1. Got 1.");
  CHECK_THROWS_WITH(softmax_cross_entropy(x, x, {.class_weights = filled({4})}),
                    "[softmax_cross_entropy] class_weights must have one number for each of the 3 classes. Got "
                    "class_weights=(4).");
  CHECK_THROWS_WITH(softmax_cross_entropy(x, x, {.sample_weights = filled({3})}),
                    "[softmax_cross_entropy] sample_weights must have one number a row, (4). Got sample_weights=(3).");
  CHECK_THROWS_WITH(mean_squared_error(x, filled({3, 4})),
                    "[mean_squared_error] both must have the same shape, of at least one axis. Got prediction=(4,3), "
                    "target=(3,4).");
}

TEST_CASE("tensors on two devices do not meet in an op", "[errors]") {
  if (!is_available(Device::cuda_emulated)) {
    WARN("not tested: " << describe(Device::cuda_emulated));
    return;
  }
  CHECK_THROWS_WITH(filled({3}) + Tensor::ones({3}, Device::cuda_emulated),
                    "[add] all tensors must be on one device. Got cpu and cuda_emulated.");
}

TEST_CASE("the activation objects leave C's functions alone", "[errors]") {
  // Both are in sight: this test is that it compiles.
  CHECK(tanh(0.0) == 0.0);
  CHECK(Conv2dOptions{.activation = hyperbolic_tangent}.activation.kind == ActivationKind::tanh);
  CHECK(parse_activation("tanh") == hyperbolic_tangent);
  CHECK(Conv2dOptions{.activation = leaky_relu(0.3f)}.activation.slope == 0.3f);
}

TEST_CASE("a part of an error's text that takes making is made only when the rule is broken", "[errors]") {
  int made = 0;
  const auto part = [&] {
    ++made;
    return "got 3";
  };
  check(true, "here", "two at most, ", part);
  CHECK(made == 0);
  CHECK_THROWS_WITH(check(false, "here", "two at most, ", part, "."), "[here] two at most, got 3.");
  CHECK(made == 1);
}
