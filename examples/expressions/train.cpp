// train: a network from a folder of photographs, or the rest of a run that was stopped.
#include <filesystem>
#include <iostream>

#include "commands.h"
#include "mien/io/md5.h"
#include "mien/train/run_folder.h"
#include "pictures.h"
#include "recipe.h"
#include "training_run.h"
#include "transfer_options.h"

namespace mien::expressions {
namespace {

namespace fs = std::filesystem;

int begin(TrainCommand command, const OutputOptions& output) {
  TrainOptions& options = command.options;
  std::vector<std::string> settled = command.given;
  if (!command.config.empty())
    for (std::string& name : apply_config(options, command.config, command.given)) settled.push_back(std::move(name));
  settle_transfer(options, settled, command.given);
  apply_recipe(options, settled);
  check_options(options);
  if (options.data.empty()) throw UsageError("[train] --data is missing: the folder of photographs.");
  if (options.out.empty()) throw UsageError("[train] --out is missing: the folder for the run.");
  check(!fs::exists(fs::path(options.out) / "config.json"), options.out,
        "a run is there already. --resume goes on with it; another --out begins anew.");
  if (!options.weights.empty()) check_weights_file(options.weights);
  TrainingRun run;
  run.config.data = options.data = fs::absolute(options.data).lexically_normal().string();
  settle_colour(options, output.quiet);
  run.config.options = options;
  run.sides = sides_of_run(run.config, output.quiet);
  describe_surroundings(run.config, run.sides);
  if (!options.weights.empty()) run.config.weights_md5 = md5_of_file(options.weights);
  return run_training(run, output);
}

int resume(const TrainCommand& command, const OutputOptions& output) {
  for (const std::string& name : command.given)
    if (name != "epochs")
      throw UsageError("[train] --resume goes on with the options of the run; only --epochs may change. Got --" + name +
                       ".");
  if (!command.config.empty()) throw UsageError("[train] --resume goes on with the run's own config.json.");
  TrainingRun run;
  run.config = read_config(command.resume);
  if (!command.given.empty() && command.options.epochs != run.config.options.epochs &&
      run.config.options.schedule == "cosine")
    throw UsageError(join("[train] the cosine schedule of this run ends with its ", run.config.options.epochs,
                          " epochs, so it cannot go on to others. Got --epochs ", command.options.epochs, "."));
  if (!command.given.empty()) run.config.options.epochs = command.options.epochs;
  check_options(run.config.options);
  run.config.options.out = command.resume;
  run.sides = sides_of_run(run.config, output.quiet);
  check(fingerprint_of(run.sides) == run.config.fingerprint, command.resume, "the pictures (", run.config.data,
        ") are no longer those that the run began with, so it cannot go on to the same end.");
  if (!run.config.weights_md5.empty()) {
    check_weights_file(run.config.options.weights);
    check(md5_of_file(run.config.options.weights) == run.config.weights_md5, run.config.options.weights,
          "the weights are no longer those that the run began with, so it cannot go on to the same end.");
  }
  run.goes_on = true;
  run.resume = last_checkpoint(command.resume);
  if (!output.quiet)
    std::cerr << (run.resume ? "Going on from the last checkpoint.\n"
                             : "There is no checkpoint yet: from the start.\n");
  return run_training(run, output);
}

}  // namespace

int train(TrainCommand command, const OutputOptions& output) {
  return command.resume.empty() ? begin(std::move(command), output) : resume(command, output);
}

}  // namespace mien::expressions
