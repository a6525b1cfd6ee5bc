// A network at work: training steps as fit() takes them, and inference as a Predictor does it, on batches that lie in
// memory. Every step is timed by itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mien/bench/networks.h"
#include "mien/core/device.h"
#include "mien/data/dataset.h"
#include "mien/layers/predictor.h"
#include "mien/layers/summary.h"
#include "mien/optim/adam.h"

namespace mien::bench {

struct NetworkRunOptions {
  std::string network = "seed";
  int size = 0, classes = 0;  ///< 0: the network's own; with data, as many classes as the data has
  int batch = 64;
  std::filesystem::path weights = "";  ///< a safetensors file; empty: drawn from the seed
  std::filesystem::path data = "";     ///< a folder of photographs, one subfolder a class; empty: random pictures
  int batches = 20;                    ///< at most so many are kept, and taken in turn
  std::uint64_t seed = 1;
  Device device = Device::cpu;
};

/// What some steps took and gave.
struct Timings {
  std::vector<double> seconds;
  std::vector<double> losses;  ///< of training steps
};

/// Of a training step of a fixed shape, after the first.
struct StepMemory {
  std::size_t peak_bytes = 0;     ///< weights, optimizer, one batch, and all that the step makes
  std::uint64_t allocations = 0;  ///< blocks that the step took from the system
};

class NetworkRun {
 public:
  explicit NetworkRun(const NetworkRunOptions& options);

  const NetworkDescription& description() const { return description_; }
  Summary summary() const { return summarize(net_); }
  int batch_count() const { return static_cast<int>(batches_.size()); }

  /// `count` training steps, going on where the last ones ended.
  Timings train(int count);
  /// `count` passes of a Predictor over the first `batch` pictures.
  Timings infer(int count, int batch);
  /// Class scores of the first `batch` pictures, by the Predictor.
  std::vector<float> logits(int batch);
  /// Trains for whole epochs with fit(); what comes out is what reset() goes back to. Returns the epochs' losses.
  std::vector<double> fit_epochs(int epochs);
  /// Back to the weights at the start, a fresh optimizer (Adam, learning rate 1e-3) and the first batch.
  void reset();
  /// The learning rate until the next reset.
  void set_learning_rate(double rate) { optimizer_.set_learning_rate(rate); }
  void save_weights(const std::filesystem::path& path) const;
  /// Writes the network and its weights for other runtimes (io/onnx.h).
  void save_onnx(const std::filesystem::path& path) const;
  /// Writes the batches for other programs: all pictures as float32, then all labels as int32, no header.
  void export_batches(const std::filesystem::path& path) const;
  /// Takes two steps and counts in the second.
  StepMemory step_memory();
  /// Of each convolution with ReLU, the share of its outputs (after the pool, where one is fused) that ReLU killed.
  std::map<std::string, double> killed_shares() const;

 private:
  struct Pictures {
    Tensor images, labels;
  };

  double train_step();
  void bind_optimizer();
  const Predictor& predictor();
  void keep_start();

  NetworkRunOptions options_;
  Dataset data_;
  NetworkDescription description_;
  Model net_;
  std::vector<Pictures> batches_;
  std::vector<Tensor> start_;  ///< weights and buffers that reset() goes back to
  Adam optimizer_;
  bool optimizer_is_bound_ = false;
  Tensor step_;
  std::int32_t steps_ = 0;
  std::optional<Predictor> predictor_;
};

}  // namespace mien::bench
