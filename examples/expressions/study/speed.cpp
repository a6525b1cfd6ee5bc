#include "speed.h"

#include <omp.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <vector>

#include "../networks.h"
#include "../training.h"
#include "mien/core/numbers.h"
#include "mien/kernels/error.h"
#include "mien/train/features.h"
#include "transfer_run.h"
#include "variants.h"

namespace mien::expressions::study {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Steps that are timed, behind one that is not.
constexpr int timed_steps = 4;

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "mien-speed-XXXXXX").string();
    check(mkdtemp(pattern.data()) != nullptr, pattern, "the temporary folder cannot be made.");
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Notes when each step and the epoch were over.
class Stopwatch : public CallbackModule {
 public:
  void on_batch_end(Training&) override { steps.push_back(Clock::now()); }
  void on_epoch_end(Training&, const EpochRecord&) override { epoch = Clock::now(); }

  /// The median of the steps behind the first: one that something else held up does not count.
  double seconds_per_step() const {
    std::vector<double> seconds;
    for (std::size_t i = 1; i < steps.size(); ++i) seconds.push_back(seconds_between(steps[i - 1], steps[i]));
    std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
    return seconds.at(seconds.size() / 2);
  }

  std::vector<Clock::time_point> steps;
  Clock::time_point epoch;
};

/// `count` pictures spread over the data set, so that every class is among them; again from the start where there are
/// not so many.
Dataset some_of(const Dataset& data, int count) {
  std::vector<int> indices;
  for (int i = 0; i < count; ++i)
    indices.push_back(static_cast<int>(static_cast<std::int64_t>(i) * data.size() / count) % data.size());
  return data.subset(indices);
}

/// Times the training of a network on these sides.
Speed measure(Model& net, const Split& sides, const StudyRun& run) {
  const ScratchFolder folder;
  const auto stopwatch = std::make_shared<Stopwatch>();
  TrainingSetup setup{.network = run.network, .input = {.size = run.size, .scale = input_scale_of(run.network)}};
  setup.batch = run.batch, setup.augment = run.augment;
  setup.callbacks = {Callback(stopwatch)};
  train_network(net, sides, folder.path(), std::move(setup));
  const Clock::time_point end = Clock::now();
  return {.per_training_picture = stopwatch->seconds_per_step() / run.batch,
          .per_scored_picture = seconds_between(stopwatch->steps.back(), stopwatch->epoch) / sides.validation.size(),
          .per_epoch = seconds_between(stopwatch->epoch, end)};
}

/// Of a pretrained base: its features once, then the head on them; what the weights are does not matter.
Speed measure_transfer(const StudyRun& run, const Dataset& data, const StudyOptions& options) {
  constexpr int pictures = 8;
  const Dataset some = resized(some_of(data, pictures), run.size);
  const TransferName name = *parse_transfer_name(run.network);
  models::TransferNetwork network = make_transfer(name, some.image_shape(), data.class_count(), 1);
  features_of(network.features, some.subset({0}));
  Clock::time_point start = Clock::now();
  const Dataset seen = features_of(network.features, some).data;
  const double features = seconds_between(start, Clock::now()) / pictures;
  Speed speed = measure(network.head,
                        {.train = some_of(seen, run.batch * (1 + timed_steps)), .validation = seen, .test = {}}, run);
  speed.once_per_picture = features;
  if (run.variant == drawn_variant) {
    StudyRun pretraining = run;
    pretraining.augment = "faces";
    const Dataset batches = some_of(some, run.batch * (1 + timed_steps));
    const Speed whole = measure(network.net, {.train = batches, .validation = some, .test = {}}, pretraining);
    const double count = 5.0 * options.pretrain_people * options.pretrain_takes;
    speed.once = options.pretrain_epochs *
                 (count * 0.8 * whole.per_training_picture + count * 0.1 * whole.per_scored_picture + whole.per_epoch);
  }
  return speed;
}

Speed measure(const StudyRun& run, const Dataset& data) {
  const Dataset training = some_of(data, run.batch * (1 + timed_steps)), scored = some_of(data, run.batch);
  const Split sides = sides_for(run.network, {.train = training, .validation = scored, .test = {}});
  Model net = network_named(run.network, sides.train.image_shape(), data.class_count(), 1);
  return measure(net, sides, run);
}

}  // namespace

std::string load_warning(double load, int processors) {
  if (load <= 0.5 * processors) return "";
  return join("This machine is busy with other work (load average ", fixed(load, 1), " on ", processors,
              " processors): the plan will be cut to the speed that is left. Better begin when it is idle.\n");
}

SpeedOf measured_speed(const Dataset& data, const StudyOptions& options, bool quiet) {
  const auto known = std::make_shared<std::map<std::string, Speed>>();
  return [known, data, options, quiet](const StudyRun& run) {
    const std::string key = join(run.network, ' ', run.augment, ' ', run.size);
    const auto found = known->find(key);
    if (found != known->end()) return found->second;
    if (known->empty() && !quiet) {
      double load = 0;
      if (::getloadavg(&load, 1) == 1) std::fputs(load_warning(load, omp_get_num_procs()).c_str(), stderr);
      std::fprintf(stderr, "Measuring how fast each network trains here.\n");
    }
    return (*known)[key] = run.weights.empty() ? measure(run, data) : measure_transfer(run, data, options);
  };
}

}  // namespace mien::expressions::study
