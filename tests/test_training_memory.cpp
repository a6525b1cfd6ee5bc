// Memory of a training step of fixed shape: after the first, none is taken from the system, neither for tensors nor by
// the kernels' own buffers, and what the host allocates for the graph is small and let go again.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <memory>
#include <new>
#include <thread>

#include "mien/mien.h"
#include "mien/models/seed.h"

namespace {

/// What operator new has given out, in all of the program.
std::atomic<std::int64_t> calls{0}, largest{0}, alive{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  ++calls;
  ++alive;
  const auto size = static_cast<std::int64_t>(bytes);
  for (std::int64_t seen = largest; size > seen && !largest.compare_exchange_weak(seen, size);) {
  }
  bytes = (bytes + alignment - 1) / alignment * alignment;
  if (void* const block = std::aligned_alloc(alignment, bytes > 0 ? bytes : alignment)) return block;
  throw std::bad_alloc();
}

void let_go(void* block) {
  if (!block) return;
  --alive;
  std::free(block);
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
// The forms that return null: the standard library's call those above, but the address sanitizer's do not, and what
// they give out would meet our delete.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return counted(bytes, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t bytes, const std::nothrow_t& nothrow) noexcept { return operator new(bytes, nothrow); }
void operator delete(void* block) noexcept { let_go(block); }
void operator delete[](void* block) noexcept { let_go(block); }
void operator delete(void* block, std::size_t) noexcept { let_go(block); }
void operator delete[](void* block, std::size_t) noexcept { let_go(block); }
void operator delete(void* block, std::align_val_t) noexcept { let_go(block); }
void operator delete[](void* block, std::align_val_t) noexcept { let_go(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { let_go(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { let_go(block); }

using namespace mien;

namespace {

/// What else a training step may meet.
Sequential other_layers() {
  return Sequential{
      Conv2D(8, 3, {.padding = Padding::same}),
      BatchNormalization(),
      ActivationLayer(sigmoid),
      AveragePool2D(2),
      Conv2D(8, 3, {.padding = Padding::same, .activation = leaky_relu(0.1f), .kernel_regularizer = l2(1e-3f)}),
      MaxPool2D(3, {.stride = 2, .padding = Padding::same}),
      Dropout(0.3f),
      GlobalAveragePool2D(),
      Dense(32, {.activation = hyperbolic_tangent}),
      Dense(5)};
}

}  // namespace

TEST_CASE("a training step of fixed shape takes no memory from the system after the first", "[memory]") {
  const bool is_seed = GENERATE(true, false);
  Sequential net = is_seed ? models::seed_network() : other_layers();
  net.build({64, 64, 1}, 1);
  std::vector<Tensor> weights;
  for (const auto& parameter : net.trainable_parameters()) weights.push_back(parameter->value);
  Adam adam(AdamOptions{.global_clipnorm = is_seed ? 0.0 : 1.0});
  adam.bind(weights);
  Random random(1, Purpose::test, 1);
  std::vector<float> pixels(8 * 64 * 64);
  for (float& pixel : pixels) pixel = random.uniform(-1.0f, 1.0f);
  const Tensor images = Tensor::from(pixels, {8, 64, 64, 1});
  const Tensor labels = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 3, 4, 0, 1, 2}, {8});
  std::int32_t number = 0;
  Tensor step_number = Tensor::from(std::vector<std::int32_t>{0}, {1});
  const auto step = [&] {
    step_number.copy_from_host(&number, 1, DType::int32);
    ++number;
    Tensor loss = mean(softmax_cross_entropy(net.forward(images, {.training = true, .step = step_number}), labels));
    if (const Tensor penalty = net.penalty(); penalty.defined()) loss = add(loss, reshape(penalty, loss.shape()));
    backward(loss);
    adam.step();
    for (Tensor& weight : weights) weight.clear_grad();
  };
  step();
  step();  // the first that uses a cache which the first one filled
  const MemoryUse before = memory_use(Device::cpu);
  const std::int64_t calls_before = calls, alive_before = alive;
  largest = 0;
  constexpr int steps = 5;
  for (int i = 0; i < steps; ++i) step();
  CHECK(memory_use(Device::cpu).allocations == before.allocations);
  CHECK(memory_use(Device::cpu).bytes == before.bytes);
  CHECK(alive == alive_before);
  CHECK(largest < 4096);  // nodes, names and small lists; no buffer of a kernel
  CHECK((calls - calls_before) / steps < 2000);
}

TEST_CASE("a thread gets the block back that it let go itself, before one that another let go later", "[memory]") {
  constexpr std::size_t bytes = std::size_t{3} << 20;
  auto mine = std::make_unique<Storage>(bytes, Device::cpu);
  const void* const block = mine->data();
  std::promise<void> taken, given;
  std::thread other([&] {
    const Storage theirs(bytes, Device::cpu);
    taken.set_value();
    given.get_future().wait();
  });
  taken.get_future().wait();
  mine.reset();
  given.set_value();
  other.join();
  CHECK(Storage(bytes, Device::cpu).data() == block);
}

TEST_CASE("gradients through a fused pool write no dense gradient, unless an algorithm is asked for that needs it",
          "[memory]") {
  const auto peak_of_backward = [](Conv2dAlgorithm algorithm) {
    const Tensor x = Tensor::ones({4, 64, 64, 8});
    Tensor w = Tensor::full({3, 3, 8, 16}, 0.01f);
    w.set_requires_grad(true);
    const Tensor y =
        conv2d(x, w, {}, {.padding = Padding::same, .activation = relu, .pool = true, .algorithm = algorithm});
    const Tensor dy = Tensor::ones(y.shape());
    reset_peak_memory(Device::cpu);
    const std::size_t before = memory_use(Device::cpu).bytes;
    backward(y, dy);
    return memory_use(Device::cpu).peak_bytes - before;
  };
  const std::size_t dense_gradient = std::size_t{4} * 64 * 64 * 16 * sizeof(float);
  CHECK(peak_of_backward(Conv2dAlgorithm::direct) >= dense_gradient);
  CHECK(peak_of_backward(Conv2dAlgorithm::automatic) < dense_gradient / 4);
  CHECK(peak_of_backward(Conv2dAlgorithm::sparse) < dense_gradient / 4);
}
