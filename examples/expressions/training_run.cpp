#include "training_run.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "augmentation.h"
#include "classifier.h"
#include "commands.h"
#include "environment.h"
#include "mien/core/build_info.h"
#include "mien/core/numbers.h"
#include "mien/data/synthetic_faces.h"
#include "mien/io/file.h"
#include "mien/layers/summary.h"
#include "mien/train/report.h"
#include "mien/train/run_folder.h"
#include "networks.h"
#include "pictures.h"
#include "training.h"

namespace mien::expressions {
namespace fs = std::filesystem;

std::string class_table(const Metrics& metrics) {
  std::size_t width = 5;
  for (const ClassMetrics& one : metrics.classes) width = std::max(width, one.name.size());
  const auto row = [&](const std::string& name, double precision, double recall, double f1, int support) {
    return join(name, std::string(width - name.size(), ' '), "   ", fixed(precision, 3), "       ", fixed(recall, 3),
                "    ", fixed(f1, 3), "   ", support, '\n');
  };
  std::string text = join("class", std::string(width - 5, ' '), "   precision   recall   F1      pictures\n");
  for (const ClassMetrics& one : metrics.classes) text += row(one.name, one.precision, one.recall, one.f1, one.support);
  return text + row("mean", metrics.macro_precision, metrics.macro_recall, metrics.macro_f1, metrics.count);
}

Split sides_of_run(const RunConfig& config, bool quiet) {
  const TrainOptions& options = config.options;
  if (config.people > 0)
    return sides_of(synthetic_faces({.people = config.people,
                                     .per_class_per_person = config.takes,
                                     .size = options.size,
                                     .seed = options.seed}),
                    options);
  const Input input{.size = options.size, .framing = parse_framing(options.framing)};
  return sides_of(read_pictures(options.data, input, options.group_pattern, options.groups_csv, quiet), options);
}

void describe_surroundings(RunConfig& config, const Split& sides) {
  config.pictures = sides.train.size() + sides.validation.size() + sides.test.size();
  config.fingerprint = fingerprint_of(sides);
  config.version = join("mien ", build_info().version, " ", build_info().commit);
  config.machine = machine();
  config.threads = describe(parse_device(config.options.device));
  config.started = now_text();
}

namespace {

/// What the report says first: where the pictures come from, and what that means.
std::string note_of(const TrainingRun& run) {
  if (run.config.people == 0) return join("Trained on the photographs in ", run.config.data, ".");
  return "These faces are drawn by the program, not photographed. Photographs in the wild are harder: the same "
         "network, "
         "trained with Keras 3.15 on 600 photographs of many people, was right on 52.5 % of 200 others where the same "
         "person could stand on both sides, and on 43.0 % where nobody did. A good figure on drawn faces says that the "
         "program learns; it says nothing about photographs.";
}

std::string report_of(const TrainingRun& run, const Summary& summary, const History& history, const Evaluation& test,
                      const Metrics& metrics) {
  const RunConfig& config = run.config;
  const TrainOptions& options = config.options;
  const bool drawn = config.people > 0;
  return to_html(
      {.title = drawn ? "Five expressions of drawn faces" : "Expressions on photographs",
       .note = note_of(run),
       .facts = {{"pictures", join(config.data, ", ", config.pictures, " pictures, fingerprint ", config.fingerprint)},
                 {"split", options.split == "group" ? "by group: no person on two sides" : "random, by picture"},
                 {"pictures become", join(options.size, " × ", options.size, " grey, ", options.framing)},
                 {"network", describe_network(options.network)},
                 {"training", join("batch ", options.batch, ", at most ", options.epochs, " epochs, patience ",
                                   options.patience, "; ", describe_tuning(options))},
                 {"augmentation", describe_augmentation(options.augment)},
                 {"ended because", history.stopped_because},
                 {"seed", join(options.seed)},
                 {"device", config.threads},
                 {"machine", config.machine},
                 {"version", config.version},
                 {"started", config.started},
                 {"to repeat it", drawn ? "expressions demo, with the options in config.json"
                                        : "expressions train --config config.json --out ANOTHER"}},
       .sides = run.sides,
       .summary = summary,
       .history = history,
       .test = test,
       .metrics = metrics});
}

}  // namespace

int run_training(const TrainingRun& run, const OutputOptions& output) {
  const TrainOptions& options = run.config.options;
  const fs::path folder = options.out;
  const Device device = parse_device(options.device);
  check(is_available(device), "device", "this machine cannot run on ", describe(device),
        ". `expressions info` says what there is.");
  const Split& sides = run.sides;
  const std::vector<std::string>& class_names = sides.train.class_names();
  const Input input{.size = options.size, .framing = parse_framing(options.framing), .flips = options.flips == "on"};

  const Split seen = sides_for(options.network, sides);
  Model net =
      network_named(options.network, seen.train.image_shape(), static_cast<int>(class_names.size()), options.seed);
  const Summary summary = summarize(net);
  if (!output.json) std::cout << to_text(summary) << '\n' << sides_table(sides) << '\n' << std::flush;

  if (!run.resume) clear_run(folder);
  make_folder(folder);
  write_config(folder, run.config);
  TrainingSetup setup{.network = options.network,
                      .input = input,
                      .epochs = options.epochs,
                      .batch = options.batch,
                      .learning_rate = options.learning_rate,
                      .patience = options.patience,
                      .augment = options.augment,
                      .tuning = tuning_of(options),
                      .seed = options.seed,
                      .device = device,
                      .should_stop = InterruptGuard::interrupted,
                      .resume = run.resume};
  if (!output.quiet) setup.callbacks.push_back(Progress());
  History history;
  {
    const InterruptGuard guard;
    history = train_network(net, seen, folder, std::move(setup));
  }
  if (history.interrupted) {
    std::cerr << "Stopped. To go on: expressions train --resume " << folder.string() << '\n';
    return exit_interrupted;
  }

  const int kept_epoch = history.best_epoch < 0 ? static_cast<int>(history.epochs.size()) : history.best_epoch + 1;
  const Evaluation test = mien::evaluate(net, seen.test, {.input_scale = input.scale, .flips = input.flips});
  const Metrics metrics = classification_metrics(test.labels, test.predictions, class_names);
  write_file_atomically(folder / "metrics.json", to_json(metrics, test.loss));
  write_file_atomically(folder / "report.html", report_of(run, summary, history, test, metrics));
  if (output.json) {
    std::cout << nlohmann::ordered_json{{"run", folder.string()},
                                        {"epochs", history.epochs.size()},
                                        {"best_epoch", kept_epoch},
                                        {"stopped_because", history.stopped_because},
                                        {"test", nlohmann::ordered_json::parse(to_json(metrics, test.loss))},
                                        {"report", (folder / "report.html").string()}}
                     .dump(2)
              << '\n';
    return 0;
  }
  std::cout << "Trained " << history.epochs.size() << " epochs (" << history.stopped_because
            << "); the weights are those of epoch " << kept_epoch << ".\n\n"
            << class_table(metrics) << "\nTest accuracy: " << percent(metrics.accuracy) << " of " << metrics.count
            << " pictures (loss " << fixed(test.loss, 4) << ")\nReport: " << (folder / "report.html").string() << '\n';
  return 0;
}

}  // namespace mien::expressions
