#include "transfer_training.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "augmentation.h"
#include "mien/core/numbers.h"
#include "mien/io/keras_file.h"
#include "mien/io/progress.h"
#include "mien/train/run_folder.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;

/// Pictures in one pass of a base: more gain nothing, and their maps take memory.
constexpr int base_batch = 16;

/// The figure that a training is watched by, of its best epoch.
double best_figure(const History& history, bool validated) {
  double best = std::numeric_limits<double>::infinity();
  for (const EpochRecord& epoch : history.epochs) best = std::min(best, validated ? epoch.val_loss : epoch.loss);
  return best;
}

}  // namespace

void check_weights_file(const fs::path& weights) {
  check(fs::is_regular_file(weights), weights.string(),
        "there is no such file. `expressions weights list` names those that Keras publishes, `expressions weights get` "
        "downloads one.");
}

void load_base(models::TransferNetwork& network, const fs::path& weights) {
  check_weights_file(weights);
  if (is_keras_file(weights))
    load_weights(network.base, weights);
  else
    load(network.base, weights);
}

FeatureSides features_of_sides(const models::TransferNetwork& network, const Split& sides,
                               const TransferSetup& transfer, const TrainingSetup& setup, bool quiet) {
  FeatureSides result;
  std::unique_ptr<ProgressBar> bar;
  const auto make = [&](const Dataset& side, int views) -> Dataset {
    if (side.empty() || !result.complete) return {};
    int shown = 0;
    FeatureOptions options{.cache = transfer.cache,
                           .views = views,
                           .augment = augmentation_of(setup.augment).value_or(AugmentationOptions{}),
                           .seed = setup.seed,
                           .input_scale = setup.input.scale,
                           .batch = base_batch,
                           .should_stop = setup.should_stop};
    if (!quiet)
      options.progress = [&](int done, int total) {
        if (!bar) bar = std::make_unique<ProgressBar>(total, "features");
        bar->advance(done - shown);
        shown = done;
      };
    Features made = features_of(network.features, side, options);
    if (bar && made.complete) bar->finish();
    bar.reset();
    result.found += made.found, result.computed += made.computed;
    result.complete = made.complete;
    return std::move(made.data);
  };
  result.sides.train = make(sides.train, transfer.views);
  result.sides.validation = make(sides.validation, 1);
  result.sides.test = make(sides.test, 1);
  return result;
}

History train_transfer(models::TransferNetwork& network, const Split& sides, const fs::path& folder,
                       TrainingSetup setup, const TransferSetup& transfer, bool quiet) {
  const bool fine_tunes = transfer.fine_tune > 0;
  const bool validated = !sides.validation.empty();
  const fs::path head_folder = fine_tunes ? folder / "head" : folder;
  setup.tuning.flips = false;  // features have no mirror image; the scores of both trainings must compare
  network.net.to(setup.device);
  models::set_trainable(network.base.layers(), false);

  TrainingSetup of_head = setup;
  of_head.whole = network.net;
  of_head.augment = "none";  // the views are changed already
  of_head.resume = last_checkpoint(head_folder);
  const FeatureSides seen = features_of_sides(network, {sides.train, sides.validation, {}}, transfer, setup, quiet);
  if (!seen.complete) {
    History stopped;
    stopped.interrupted = true;
    return stopped;
  }
  if (!quiet)
    std::cerr << "Features: " << grouped(seen.found) << " from the cache " << transfer.cache.string() << ", "
              << grouped(seen.computed) << " computed.\n";
  History history = train_network(network.head, seen.sides, head_folder, std::move(of_head));
  if (history.interrupted || !fine_tunes) return history;

  if (!quiet)
    std::cerr << "The head is trained, in " << history.epochs.size() << " epochs. Now the last " << transfer.fine_tune
              << " blocks of the base learn too.\n";
  models::train_last_blocks(network.base, models::imagenet_facts(parse_transfer_name(setup.network)->base),
                            transfer.fine_tune);
  setup.epochs = transfer.fine_tune_epochs;
  setup.learning_rate = transfer.fine_tune_rate;
  setup.resume = last_checkpoint(folder);
  History tuned = train_network(network.net, sides, folder, std::move(setup));
  const double before_it = best_figure(history, validated), figure = best_figure(tuned, validated);
  if (tuned.interrupted || figure < before_it) return tuned;
  const WeightsFile before = read_safetensors(head_folder / "best.safetensors");
  load(network.net, before, (head_folder / "best.safetensors").string());
  save(network.net, folder / "best.safetensors", before.metadata);
  history.stopped_because += join("; fine-tuning was taken back, for it took the ", validated ? "val_loss" : "loss",
                                  " from ", fixed(before_it, 4), " to ", fixed(figure, 4));
  return history;
}

}  // namespace mien::expressions
