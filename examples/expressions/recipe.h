// Recipes: whole settings of a training under one name.
#pragma once

#include <string>
#include <vector>

#include "options.h"

namespace mien::expressions {

/// The recipe that is better than the report's (docs/a_better_recipe.md).
inline constexpr const char* best_recipe = "best";

/// What a training does besides Adam on plain batches; as the options of the same names say.
struct Tuning {
  std::string schedule = "constant";  ///< or "cosine"
  double weight_decay = 0;            ///< above 0: AdamW
  double label_smoothing = 0, mixup = 0;
  bool flips = false;         ///< pictures are scored together with their mirror images
  std::string keep = "best";  ///< the weights of the epoch with the best val_loss, or of the "last"
};

Tuning tuning_of(const TrainOptions& options);
/// The optimizer and the tuning in words, for reports.
std::string describe_tuning(const TrainOptions& options);

/// Gives every option that the recipe options.recipe settles its value there, except the `given` ones. "report" settles
/// none: it is what options are by default. Throws UsageError for a recipe that does not exist.
void apply_recipe(TrainOptions& options, const std::vector<std::string>& given);

/// The options of a recipe on pictures of the default size.
TrainOptions recipe_named(const std::string& name);

}  // namespace mien::expressions
