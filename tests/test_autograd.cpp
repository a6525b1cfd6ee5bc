// The autograd engine: order, sums where a value fans out, memory that goes on the way, very long chains.
#include <catch2/catch.hpp>
#include <cmath>

#include "mien/mien.h"

using namespace mien;

namespace {

Tensor leaf(const std::vector<float>& values) {
  Tensor tensor = Tensor::from(values, {static_cast<std::int64_t>(values.size())});
  tensor.set_requires_grad(true);
  return tensor;
}

using Floats = std::vector<float>;

}  // namespace

TEST_CASE("a chain of 300,000 ops builds, runs backward and frees", "[autograd]") {
  const Tensor x = leaf({1.0f});
  constexpr int length = 300000;
  Tensor y = x;
  for (int i = 0; i < length; ++i) y = affine(y, 1.0f, 1.0f);
  CHECK(y.item() == length + 1.0f);
  backward(y);
  CHECK(x.grad().item() == 1.0f);
}

TEST_CASE("a chain of 300,000 ops that never runs backward frees as well", "[autograd]") {
  const std::size_t before = memory_use(Device::cpu).bytes;
  {
    const Tensor x = leaf({1.0f});
    Tensor y = x;
    for (int i = 0; i < 300000; ++i) y = y * y;
  }
  CHECK(memory_use(Device::cpu).bytes == before);
}

TEST_CASE("gradients add up where a value is read more than once", "[autograd]") {
  const Tensor x = leaf({2.0f, -3.0f});
  backward(sum(x * x + x + x));
  CHECK(x.grad().to_vector() == Floats{6.0f, -4.0f});

  SECTION("also where the paths differ in length") {
    const Tensor z = leaf({3.0f});
    const Tensor square = z * z;
    backward(square * square * z + square);  // z^5 + z^2
    CHECK(z.grad().item() == 5 * 81.0f + 6.0f);
  }
  SECTION("also where one tensor is an op's input twice") {
    const Tensor z = leaf({1.0f, 2.0f});
    backward(sum(concatenate({z, z, z}, 0) * Tensor::from(Floats{1, 2, 3, 4, 5, 6}, {6})));
    CHECK(z.grad().to_vector() == Floats{9.0f, 12.0f});
  }
  SECTION("also through a lattice whose paths double with each step") {
    const Tensor z = leaf({1.0f});
    Tensor y = z;
    for (int i = 0; i < 20; ++i) y = y + y;
    backward(y);
    CHECK(z.grad().item() == std::ldexp(1.0f, 20));
  }
}

TEST_CASE("a leaf's gradient adds up over calls of backward until it is cleared", "[autograd]") {
  Tensor x = leaf({5.0f});
  backward(x * x);
  backward(3.0f * x);
  CHECK(x.grad().item() == 13.0f);
  x.clear_grad();
  CHECK_FALSE(x.grad().defined());
  backward(3.0f * x);
  CHECK(x.grad().item() == 3.0f);
}

TEST_CASE("a leaf can itself be the loss", "[autograd]") {
  const Tensor x = leaf({5.0f});
  backward(x);
  CHECK(x.grad().item() == 1.0f);
}

TEST_CASE("only what was asked for gets a gradient", "[autograd]") {
  const Tensor x = leaf({2.0f}), constant = Tensor::from(Floats{3.0f}, {1});
  const Tensor y = x * constant;
  CHECK(y.requires_grad());
  CHECK_FALSE((constant * constant).requires_grad());
  backward(y + y.detach() * x);
  CHECK(x.grad().item() == 3.0f + 6.0f);
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("nothing is recorded under NoGrad, and recording comes back after it", "[autograd]") {
  const Tensor x = leaf({2.0f});
  {
    const NoGrad outer;
    {
      const NoGrad inner;
      CHECK_FALSE((x * x).requires_grad());
    }
    CHECK_FALSE((x * x).requires_grad());
  }
  CHECK((x * x).requires_grad());
}

TEST_CASE("backward frees what was saved as it goes", "[autograd]") {
  constexpr std::int64_t size = 1 << 18;
  constexpr int length = 16;
  const std::size_t one = size * sizeof(float);
  const std::size_t before = memory_use(Device::cpu).bytes;
  {
    Tensor x = Tensor::full({size}, 0.5f);
    x.set_requires_grad(true);
    Tensor y = x;
    for (int i = 0; i < length; ++i) y = sigmoid(y);
    Tensor loss = sum(y);
    y = {};
    CHECK(memory_use(Device::cpu).bytes - before >= (length + 1) * one);
    reset_peak_memory(Device::cpu);
    backward(loss);
    // At no moment more than all that was saved and a few gradients on top; in the end x and its gradient are left.
    CHECK(memory_use(Device::cpu).peak_bytes - before <= (length + 4) * one);
    CHECK(memory_use(Device::cpu).bytes - before <= 2 * one + 4096);
  }
  CHECK(memory_use(Device::cpu).bytes == before);
}

TEST_CASE("a step of fixed shape allocates nothing after its first run", "[autograd]") {
  const Tensor w = leaf(Floats(64, 0.1f));
  const auto step = [&] {
    const Tensor x = Tensor::full({32, 64}, 0.5f);
    backward(sum(relu(x * w)));
    Tensor(w).clear_grad();
  };
  step();
  const std::uint64_t allocations = memory_use(Device::cpu).allocations;
  for (int i = 0; i < 5; ++i) step();
  CHECK(memory_use(Device::cpu).allocations == allocations);
}

TEST_CASE("a loss of several elements takes the gradient that it is given", "[autograd]") {
  const Tensor x = leaf({1.0f, 2.0f, 3.0f});
  const Tensor y = x * x;
  CHECK_THROWS_WITH(backward(y), "[backward] a loss must have one element, or come with its own gradient. Got (3).");
  CHECK_THROWS_WITH(backward(y, Tensor::ones({2})),
                    "[backward] the gradient given must have the loss's shape. Got (2) for (3).");
  backward(y, Tensor::from(Floats{1.0f, 0.0f, -1.0f}, {3}));
  CHECK(x.grad().to_vector() == Floats{2.0f, 0.0f, -6.0f});
}

TEST_CASE("what cannot be differentiated says so", "[autograd]") {
  CHECK_THROWS_WITH(backward(Tensor::ones({1})),
                    "[backward] the loss was not made from a tensor that requires a gradient.");
  Tensor labels = Tensor::from(std::vector<std::int32_t>{1}, {1});
  CHECK_THROWS_WITH(labels.set_requires_grad(true), "[tensor] only float32 tensors have gradients.");
  Tensor absent;
  CHECK_THROWS_WITH(absent.set_requires_grad(true), "[tensor] only float32 tensors have gradients.");
}
