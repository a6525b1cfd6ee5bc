#include "recipe.h"

#include <algorithm>

#include "mien/core/check.h"
#include "mien/core/numbers.h"

namespace mien::expressions {
namespace {

/// Chosen on validation sides alone: docs/a_better_recipe.md.
TrainOptions best() {
  TrainOptions options;
  options.recipe = best_recipe;
  options.network = "small_face";
  options.augment = "faces";
  options.epochs = options.patience = 60;
  options.batch = 32;
  options.learning_rate = 2e-3;
  options.schedule = "cosine";
  options.weight_decay = 0.05;
  options.label_smoothing = 0.1;
  options.mixup = 0.2;
  options.flips = "on";
  options.keep = "last";
  return options;
}

}  // namespace

Tuning tuning_of(const TrainOptions& options) {
  return {.schedule = options.schedule,
          .weight_decay = options.weight_decay,
          .label_smoothing = options.label_smoothing,
          .mixup = options.mixup,
          .flips = options.flips == "on",
          .keep = options.keep};
}

std::string describe_tuning(const TrainOptions& options) {
  std::string text = join(options.weight_decay > 0 ? "AdamW" : "Adam", ", learning rate ",
                          shortest(options.learning_rate), options.schedule == "cosine" ? ", cosine schedule" : "");
  const auto add = [&](bool is_on, const auto&... what) {
    if (is_on) text += join(", ", what...);
  };
  add(options.weight_decay > 0, "weight decay ", shortest(options.weight_decay));
  add(options.label_smoothing > 0, "label smoothing ", shortest(options.label_smoothing));
  add(options.mixup > 0, "mixup ", shortest(options.mixup));
  add(options.flips == "on", "scored with mirror images");
  add(options.keep == "last", "the last epoch's weights kept");
  return text;
}

TrainOptions recipe_named(const std::string& name) {
  if (name == "report") return {};
  if (name == best_recipe) return best();
  throw UsageError(join("[recipe] must be report or best. Got \"", name, "\"."));
}

void apply_recipe(TrainOptions& options, const std::vector<std::string>& given) {
  TrainOptions recipe = recipe_named(options.recipe);
  if (options.recipe == "report") return;
  const auto settle = [&](const char* name, auto& option, const auto& value) {
    if (std::find(given.begin(), given.end(), name) == given.end()) option = value;
  };
  settle("network", options.network, recipe.network);
  settle("augment", options.augment, recipe.augment);
  settle("epochs", options.epochs, recipe.epochs);
  settle("patience", options.patience, std::max(recipe.patience, options.epochs));
  settle("batch", options.batch, recipe.batch);
  settle("learning-rate", options.learning_rate, recipe.learning_rate);
  settle("schedule", options.schedule, recipe.schedule);
  settle("weight-decay", options.weight_decay, recipe.weight_decay);
  settle("label-smoothing", options.label_smoothing, recipe.label_smoothing);
  settle("mixup", options.mixup, recipe.mixup);
  settle("flips", options.flips, recipe.flips);
  settle("keep", options.keep, recipe.keep);
}

}  // namespace mien::expressions
