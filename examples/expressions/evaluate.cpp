// evaluate: how good a trained network is on pictures that it was not trained on.
#include <algorithm>
#include <iostream>

#include "classifier.h"
#include "commands.h"
#include "mien/core/numbers.h"
#include "mien/train/fit.h"
#include "mien/train/run_folder.h"
#include "networks.h"
#include "pictures.h"
#include "training_run.h"

namespace mien::expressions {
namespace {

/// The same pictures with the class numbers of the classifier, found by name.
Dataset with_classes_of(const Classifier& classifier, const Dataset& data, const std::string& source) {
  LabelledImages renamed;
  std::vector<int> all;
  for (int i = 0; i < data.size(); ++i) {
    const std::string& name = data.class_names()[static_cast<std::size_t>(data.label(i))];
    const auto found = std::find(classifier.class_names.begin(), classifier.class_names.end(), name);
    check(found != classifier.class_names.end(), source, "the classifier knows no class \"", name, "\".");
    renamed.labels.push_back(static_cast<std::int32_t>(found - classifier.class_names.begin()));
    all.push_back(i);
  }
  renamed.images = data.images(all);
  renamed.class_names = classifier.class_names;
  return Dataset(std::move(renamed));
}

Dataset test_side_of_run(const std::string& folder, bool quiet) {
  const RunConfig config = read_config(folder);
  const Split sides = sides_of_run(config, quiet);
  check(fingerprint_of(sides) == config.fingerprint, folder, "the pictures (", config.data,
        ") are no longer those of the run, so its test side cannot be found again.");
  return sides.test;
}

}  // namespace

int evaluate(const EvaluateOptions& options, const OutputOptions& output) {
  if (options.batch < 0) throw UsageError(join("[batch] must be at least 0. Got ", options.batch, "."));
  const Classifier classifier = load_classifier(options.run);
  Dataset data = options.data.empty()
                     ? test_side_of_run(options.run, output.quiet)
                     : with_classes_of(classifier, read_pictures(options.data, classifier.input, "", "", output.quiet),
                                       options.data);
  if (takes_label(classifier.network)) data = with_label_channel(data);
  const Evaluation result =
      mien::evaluate(classifier.net, data,
                     {.batch = options.batch > 0 ? options.batch : scoring_batch_of(classifier.network),
                      .input_scale = classifier.input.scale,
                      .flips = classifier.input.flips});
  const Metrics metrics = classification_metrics(result.labels, result.predictions, classifier.class_names);
  if (output.json)
    std::cout << to_json(metrics, result.loss);
  else
    std::cout << class_table(metrics) << "\nAccuracy: " << percent(metrics.accuracy) << " of " << metrics.count
              << " pictures (loss " << fixed(result.loss, 4) << ")\n";
  return 0;
}

}  // namespace mien::expressions
