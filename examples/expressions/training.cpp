#include "training.h"

#include <algorithm>

#include "augmentation.h"
#include "mien/core/check.h"
#include "mien/core/numbers.h"
#include "mien/optim/schedule.h"
#include "mien/train/run_folder.h"
#include "networks.h"

namespace mien::expressions {
namespace {

/// Of the cosine schedule: epochs of rising learning rate, and where it starts and ends, as shares of the highest.
constexpr double warm_up_epochs = 3, first_rate = 0.05, last_rate = 0.01;

Optimizer optimizer_of(const TrainingSetup& setup, int pictures) {
  Schedule schedule;
  if (setup.tuning.schedule == "cosine") {
    const int steps = (pictures + setup.batch - 1) / setup.batch;
    const double warm_up = std::min<double>(warm_up_epochs, setup.epochs / 2.0) * steps;
    schedule = cosine_decay({.initial_learning_rate = first_rate * setup.learning_rate,
                             .decay_steps = setup.epochs * steps - warm_up,
                             .alpha = last_rate,
                             .warmup_target = setup.learning_rate,
                             .warmup_steps = warm_up});
  }
  if (setup.tuning.weight_decay > 0)
    return AdamW(
        {.learning_rate = setup.learning_rate, .weight_decay = setup.tuning.weight_decay, .schedule = schedule});
  return Adam({.learning_rate = setup.learning_rate, .schedule = schedule});
}

/// The weights of the last epoch in the place of the best.
void save_last(const Model& net, const History& history, const std::filesystem::path& folder, Metadata metadata) {
  const EpochRecord& last = history.epochs.back();
  metadata["epoch"] = join(last.epoch + 1);
  metadata["val_loss"] = shortest(last.val_loss);
  metadata["val_accuracy"] = shortest(last.val_accuracy);
  save(net, folder / "best.safetensors", metadata);
}

}  // namespace

Split sides_for(const std::string& network, const Split& sides) {
  if (!takes_label(network)) return sides;
  const auto labelled = [](const Dataset& side) { return side.empty() ? side : with_label_channel(side); };
  return {labelled(sides.train), labelled(sides.validation), labelled(sides.test)};
}

History train_network(Model& net, const Split& sides, const std::filesystem::path& folder, TrainingSetup setup) {
  const char* monitor = sides.validation.empty() ? "loss" : "val_loss";
  const Tuning& tuning = setup.tuning;
  const bool restore_best = setup.restore_best && tuning.keep == "best";
  const Metadata metadata = describe_classifier(setup.network, sides.train.class_names(), setup.input);
  FitOptions options{
      .epochs = setup.epochs,
      .batch = setup.batch,
      .optimizer = optimizer_of(setup, sides.train.size()),
      .validation = sides.validation,
      .callbacks = {EarlyStopping({.monitor = monitor, .patience = setup.patience, .restore_best = restore_best})},
      .label_smoothing = static_cast<float>(tuning.label_smoothing),
      .validation_flips = tuning.flips,
      .input_scale = setup.input.scale,
      .augment = augmentation_of(setup.augment),
      .mixup = tuning.mixup,
      .seed = setup.seed,
      .device = setup.device,
      .should_stop = std::move(setup.should_stop),
      .resume = std::move(setup.resume)};
  for (Callback& callback : setup.callbacks) options.callbacks.push_back(std::move(callback));
  options.callbacks.push_back(RunFolder(folder, {.metadata = metadata, .monitor = monitor, .whole = setup.whole}));
  const History history = fit(net, sides.train, std::move(options));
  if (!history.interrupted && !restore_best) save_last(setup.whole ? *setup.whole : net, history, folder, metadata);
  return history;
}

}  // namespace mien::expressions
