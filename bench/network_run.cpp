#include "mien/bench/network_run.h"

#include <chrono>
#include <cmath>

#include "mien/core/autograd.h"
#include "mien/core/ops/reduce.h"
#include "mien/core/ops/scale_bytes.h"
#include "mien/core/ops/softmax_cross_entropy.h"
#include "mien/core/random.h"
#include "mien/data/image_folder.h"
#include "mien/data/loader.h"
#include "mien/io/file.h"
#include "mien/io/onnx.h"
#include "mien/layers/conv2d.h"
#include "mien/train/fit.h"
#include "mien/train/weights.h"

namespace mien::bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Noise: enough where only time counts.
Dataset random_pictures(const NetworkDescription& description, int count, std::uint64_t seed) {
  Random random(seed, Purpose::test);
  LabelledImages pictures;
  const Shape shape{count, description.size, description.size, description.channels};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = i < 65537 ? static_cast<std::uint8_t>(random.below(256)) : bytes[i - 65537];
  pictures.images = Tensor::from(bytes, shape);
  for (int i = 0; i < description.classes; ++i) pictures.class_names.push_back("class " + std::to_string(i));
  for (int i = 0; i < count; ++i)
    pictures.labels.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(description.classes))));
  return Dataset(std::move(pictures));
}

constexpr float pixel_scale = 1 / 255.0f;

}  // namespace

NetworkRun::NetworkRun(const NetworkRunOptions& options)
    : options_(options),
      description_(describe_network(options.network, options.size, options.classes)),
      net_(build_network(description_)) {
  check(options.batch >= 1 && options.batches >= 1, "bench", "batch and batches must be at least 1. Got ",
        options.batch, " and ", options.batches, ".");
  if (options.data.empty()) {
    data_ = random_pictures(description_, options.batch * std::min(options.batches, 2), options.seed);
  } else {
    data_ = ImageFolder(options.data, {.size = description_.size, .channels = description_.channels});
    check(data_.class_count() == description_.classes, "bench", "the network has ", description_.classes,
          " classes, the data ", data_.class_count(), ". Give --classes.");
  }
  check(data_.size() >= options.batch, "bench", "a batch of ", options.batch, " needs as many pictures. Got ",
        data_.size(), ".");
  const Loader loader(data_, {.batch = options.batch, .seed = options.seed, .prefetch = 0});
  loader.run(0, [&](const Batch& batch) {
    if (batch.images.shape()[0] != options.batch || batch_count() == options.batches) return false;
    batches_.push_back({scale_bytes(batch.images, pixel_scale).to(options.device), batch.labels.to(options.device)});
    return true;
  });
  net_.initialize(options.seed);
  net_.to(options.device);
  if (!options.weights.empty()) load(net_, options.weights);
  step_ = Tensor::from(std::vector<std::int32_t>{0}, {1}, options.device);
  keep_start();
  reset();
}

void NetworkRun::keep_start() {
  start_.clear();
  if (!description_.keras_name.empty()) return;  // inference alone: nothing moves the weights
  for (const auto& parameter : net_.parameters()) start_.push_back(parameter->value.clone());
}

void NetworkRun::reset() {
  const auto parameters = net_.parameters();
  for (std::size_t i = 0; i < start_.size(); ++i) parameters[i]->value.copy_from(start_[i]);
  optimizer_ = Adam(1e-3);
  optimizer_is_bound_ = false;
  steps_ = 0;
  predictor_.reset();
}

/// Before the first step, not sooner: its state is twice the weights, and inference has no use for it.
void NetworkRun::bind_optimizer() {
  if (optimizer_is_bound_) return;
  std::vector<Tensor> weights;
  for (const auto& parameter : net_.trainable_parameters()) weights.push_back(parameter->value);
  optimizer_.bind(weights);
  optimizer_is_bound_ = true;
}

/// What Trainer::train_on does in train/fit.cpp, without the count of right answers.
double NetworkRun::train_step() {
  bind_optimizer();
  const Pictures& batch = batches_[static_cast<std::size_t>(steps_) % batches_.size()];
  step_.copy_from_host(&steps_, 1, DType::int32);
  Call call;
  call.training = true;
  call.seed = options_.seed;
  call.step = step_;
  const Tensor loss = mean(softmax_cross_entropy(net_.forward(batch.images, call), batch.labels));
  backward(loss);
  optimizer_.step();
  const double value = loss.item();
  check(std::isfinite(value) && optimizer_.last_step_finite(), "bench", "step ", steps_, " is not finite (loss ", value,
        ").");
  for (const auto& parameter : net_.trainable_parameters()) parameter->value.clear_grad();
  ++steps_;
  return value;
}

Timings NetworkRun::train(int count) {
  predictor_.reset();
  Timings timings;
  for (int i = 0; i < count; ++i) {
    const Clock::time_point start = Clock::now();
    timings.losses.push_back(train_step());
    timings.seconds.push_back(seconds_since(start));
  }
  return timings;
}

const Predictor& NetworkRun::predictor() {
  if (!predictor_) predictor_ = compile(net_);
  return *predictor_;
}

Timings NetworkRun::infer(int count, int batch) {
  check(batch >= 1 && batch <= options_.batch, "bench", "inference takes 1 to ", options_.batch, " pictures. Got ",
        batch, ".");
  const Predictor& predict = predictor();
  const Tensor x = batches_[0].images.slice(0, batch);
  Timings timings;
  for (int i = 0; i < count; ++i) {
    const Clock::time_point start = Clock::now();
    const std::vector<float> scores = predict(x).to_vector();  // waits for the device
    timings.seconds.push_back(seconds_since(start));
  }
  return timings;
}

std::vector<float> NetworkRun::logits(int batch) { return predictor()(batches_[0].images.slice(0, batch)).to_vector(); }

std::vector<double> NetworkRun::fit_epochs(int epochs) {
  reset();
  const History history = fit(net_, data_,
                              {.epochs = epochs,
                               .batch = options_.batch,
                               .optimizer = Adam(1e-3),
                               .input_scale = pixel_scale,
                               .seed = options_.seed,
                               .device = options_.device});
  std::vector<double> losses;
  for (const EpochRecord& epoch : history.epochs) losses.push_back(epoch.loss);
  keep_start();
  reset();
  return losses;
}

void NetworkRun::save_weights(const std::filesystem::path& path) const { save(net_, path); }

void NetworkRun::save_onnx(const std::filesystem::path& path) const { export_onnx(net_, path); }

void NetworkRun::export_batches(const std::filesystem::path& path) const {
  AtomicFile file(path);
  const auto write = [&](const auto& values) {
    file.write({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
  };
  for (const Pictures& batch : batches_) write(batch.images.to_vector());
  for (const Pictures& batch : batches_) write(batch.labels.to_vector<std::int32_t>());
  file.commit();
}

StepMemory NetworkRun::step_memory() {
  train(1);
  const std::uint64_t before = memory_use(options_.device).allocations;
  reset_peak_memory(options_.device);
  train(1);
  const MemoryUse use = memory_use(options_.device);
  // Besides what a training holds, there are here the other batches and the weights at the start.
  std::size_t extra = 0;
  for (std::size_t i = 1; i < batches_.size(); ++i)
    extra += static_cast<std::size_t>(batches_[i].images.size() + batches_[i].labels.size()) * 4;
  for (const Tensor& weight : start_) extra += static_cast<std::size_t>(weight.size()) * 4;
  return {use.peak_bytes - extra, use.allocations - before};
}

std::map<std::string, double> NetworkRun::killed_shares() const {
  std::map<std::string, double> shares;
  Call call;
  call.observer = [&](std::string_view layer, const Tensor& y) {
    for (const Step& step : net_.plan().steps) {
      const auto* const convolution = dynamic_cast<const Conv2DModule*>(step.layer.module().get());
      if (!convolution || step.layer->name() != layer) continue;
      if (convolution->options().activation != relu && step.epilogue.activation != relu) continue;
      std::int64_t zeros = 0;
      for (const float value : y.to_vector()) zeros += value == 0;
      shares[std::string(layer)] = static_cast<double>(zeros) / static_cast<double>(y.size());
    }
  };
  const NoGrad no_grad;
  net_.forward(batches_[0].images, call);
  return shares;
}

}  // namespace mien::bench
