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
#include "transfer_options.h"

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

Input input_of(const TrainOptions& options) {
  return {.size = options.size,
          .channels = options.colour == "rgb" ? 3 : 1,
          .framing = parse_framing(options.framing),
          .scale = input_scale_of(options.network),
          .flips = options.flips == "on"};
}

Split sides_of_run(const RunConfig& config, bool quiet) {
  const TrainOptions& options = config.options;
  if (config.people > 0)
    return sides_of(synthetic_faces({.people = config.people,
                                     .per_class_per_person = config.takes,
                                     .size = options.size,
                                     .seed = options.seed}),
                    options);
  return sides_of(read_pictures(options.data, input_of(options), options.group_pattern, options.groups_csv, quiet),
                  options);
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
  if (run.config.people == 0)
    return join("Trained on the photographs in ", run.config.data, ".",
                run.config.options.pretrain == "synthetic"
                    ? " Its base was pretrained on faces that the program drew, not on ImageNet."
                    : "");
  return "These faces are drawn by the program, not photographed. Photographs in the wild are harder: the same "
         "network, "
         "trained with Keras 3.15 on 600 photographs of many people, was right on 52.5 % of 200 others where the same "
         "person could stand on both sides, and on 43.0 % where nobody did. A good figure on drawn faces says that the "
         "program learns; it says nothing about photographs.";
}

using Facts = std::vector<std::pair<std::string, std::string>>;

/// What is trained: a network as it is, or one with a pretrained base.
struct Trained {
  Model net;
  std::optional<models::TransferNetwork> transfer = {};
  Facts facts = {};  ///< about the base, for the report
};

Trained network_of(const TrainOptions& options, const Split& seen) {
  const Shape shape = seen.train.image_shape();
  const int classes = seen.train.class_count();
  if (!has_base(options)) return {.net = network_named(options.network, shape, classes, options.seed)};
  models::TransferNetwork parts = make_transfer(transfer_name_of(options), shape, classes, options.seed);
  if (options.pretrain == "none") load_base(parts, options.weights);
  return {.net = parts.net, .transfer = std::move(parts)};
}

/// The weights of a base that learns from drawn faces; false where that was stopped.
bool provide_base(Trained& trained, const TrainingRun& run, const TrainingSetup& setup, bool quiet) {
  const TrainOptions& options = run.config.options;
  if (options.pretrain == "none") {
    trained.facts.emplace_back("weights of the base", join(options.weights, ", MD5 ", run.config.weights_md5));
    return true;
  }
  Pretraining wanted = pretraining_of(options);
  wanted.should_stop = setup.should_stop;
  const PretrainingResult result =
      pretrain(*trained.transfer, transfer_name_of(options), wanted, fs::path(options.out) / "pretraining", quiet);
  if (!result.complete) return false;
  const std::string text = describe_pretraining(wanted, result);
  if (!quiet) std::cerr << "The base was pretrained " << text << ".\n";
  trained.facts.emplace_back("pretrained", text);
  return true;
}

History train_as_asked(Trained& trained, const TrainingRun& run, const Split& seen, TrainingSetup setup, bool quiet) {
  const TrainOptions& options = run.config.options;
  if (!trained.transfer) {
    setup.resume = run.resume;
    return train_network(trained.net, seen, options.out, std::move(setup));
  }
  if (!provide_base(trained, run, setup, quiet)) {
    History stopped;
    stopped.interrupted = true;
    return stopped;
  }
  const TransferSetup transfer = transfer_setup_of(options);
  trained.facts.emplace_back("views of each training picture", join(transfer.views));
  if (transfer.fine_tune > 0)
    trained.facts.emplace_back(
        "fine-tuning", join("the last ", transfer.fine_tune, " blocks of the base, at most ", transfer.fine_tune_epochs,
                            " epochs, learning rate ", shortest(transfer.fine_tune_rate),
                            "; the head's own training before it stands in head/"));
  return train_transfer(*trained.transfer, seen, options.out, std::move(setup), transfer, quiet);
}

/// What is printed before a training: of a pretrained base only the sum, for it has hundreds of layers.
std::string network_text(const Trained& trained, const TrainOptions& options) {
  if (!trained.transfer) return to_text(summarize(trained.net));
  return join(describe_network(options.network), "\nThe base has ", grouped(trained.transfer->base.parameter_count()),
              " parameters, in ", trained.transfer->base.layers().size(), " layers. Its head:\n",
              to_text(summarize(trained.transfer->head)));
}

std::string report_of(const TrainingRun& run, const Facts& base, const Summary& summary, const History& history,
                      const Evaluation& test, const Metrics& metrics) {
  const RunConfig& config = run.config;
  const TrainOptions& options = config.options;
  const bool drawn = config.people > 0;
  Facts facts{{"pictures", join(config.data, ", ", config.pictures, " pictures, fingerprint ", config.fingerprint)},
              {"split", options.split == "group" ? "by group: no person on two sides" : "random, by picture"},
              {"pictures become", join(options.size, " × ", options.size,
                                       options.colour == "rgb" ? " in colour, " : " grey, ", options.framing)},
              {"network", describe_network(options.network)}};
  facts.insert(facts.end(), base.begin(), base.end());
  facts.insert(facts.end(), {{"training", join("batch ", options.batch, ", at most ", options.epochs,
                                               " epochs, patience ", options.patience, "; ", describe_tuning(options))},
                             {"augmentation", describe_augmentation(options.augment)},
                             {"ended because", history.stopped_because},
                             {"seed", join(options.seed)},
                             {"device", config.threads},
                             {"machine", config.machine},
                             {"version", config.version},
                             {"started", config.started},
                             {"to repeat it", drawn ? "expressions demo, with the options in config.json"
                                                    : "expressions train --config config.json --out ANOTHER"}});
  return to_html({.title = drawn ? "Five expressions of drawn faces" : "Expressions on photographs",
                  .note = note_of(run),
                  .facts = std::move(facts),
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
  const Input input = input_of(options);

  const Split seen = sides_for(options.network, sides);
  Trained trained = network_of(options, seen);
  const Summary summary = summarize(trained.net);
  if (!output.json) std::cout << network_text(trained, options) << '\n' << sides_table(sides) << '\n' << std::flush;

  if (!run.resume) clear_run(folder);
  make_folder(folder);
  if (!run.goes_on)
    for (const char* part : {"head", "pretraining"}) fs::remove_all(folder / part);
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
                      .should_stop = InterruptGuard::interrupted};
  if (!output.quiet) setup.callbacks.push_back(Progress());
  History history;
  {
    const InterruptGuard guard;
    history = train_as_asked(trained, run, seen, std::move(setup), output.quiet);
  }
  if (history.interrupted) {
    std::cerr << "Stopped. To go on: expressions train --resume " << folder.string() << '\n';
    return exit_interrupted;
  }

  const int kept_epoch = history.best_epoch < 0 ? static_cast<int>(history.epochs.size()) : history.best_epoch + 1;
  const Evaluation test =
      mien::evaluate(trained.net, seen.test,
                     {.batch = scoring_batch_of(options.network), .input_scale = input.scale, .flips = input.flips});
  const Metrics metrics = classification_metrics(test.labels, test.predictions, class_names);
  write_file_atomically(folder / "metrics.json", to_json(metrics, test.loss));
  write_file_atomically(folder / "report.html", report_of(run, trained.facts, summary, history, test, metrics));
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
