// demo: everything at once on drawn faces, so that it needs no data.
#include <filesystem>

#include "commands.h"
#include "training_run.h"

namespace mien::expressions {

int demo(const DemoOptions& options, const OutputOptions& output) {
  TrainingRun run;
  run.config.command = "demo";
  run.config.people = options.people;
  run.config.takes = options.takes;
  run.config.data = join("drawn faces: ", options.people, " people, ", options.takes,
                         " pictures of each expression of each, seed ", options.seed);
  run.config.options = {.out = options.out,
                        .split = "group",
                        .size = options.size,
                        .colour = "grey",
                        .epochs = options.epochs,
                        .patience = options.patience,
                        .batch = options.batch,
                        .seed = options.seed};
  check_options(run.config.options);
  if (std::filesystem::exists(std::filesystem::path(options.out) / "config.json"))
    check(read_config(options.out).command == "demo", options.out,
          "a run of `train` is there; the demo would overwrite it. Choose another --out.");
  run.sides = sides_of_run(run.config, output.quiet);
  describe_surroundings(run.config, run.sides);
  return run_training(run, output);
}

}  // namespace mien::expressions
