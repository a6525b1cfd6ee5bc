// One training, from its pictures to its report: what `train` and `demo` share.
#pragma once

#include <optional>
#include <string>

#include "mien/data/split.h"
#include "mien/train/metrics.h"
#include "mien/train/state.h"
#include "options.h"
#include "run_config.h"

namespace mien::expressions {

/// A training that is about to begin or go on.
struct TrainingRun {
  RunConfig config;  ///< config.options.out is the run's folder
  Split sides;
  bool goes_on = false;  ///< it has begun before, and may have been stopped anywhere
  std::optional<TrainingState> resume = {};
};

/// The sides that a run's config asks for, of photographs or of drawn faces.
Split sides_of_run(const RunConfig& config, bool quiet);

/// Trains, keeps the run's folder, tests, writes metrics.json and report.html, prints the result. Returns the exit
/// code: 0, or 130 after Ctrl-C.
int run_training(const TrainingRun& run, const OutputOptions& output);

/// Precision, recall and F1 of every class, as a table for people.
std::string class_table(const Metrics& metrics);

/// Fills in what every run records of its surroundings and its pictures.
void describe_surroundings(RunConfig& config, const Split& sides);

}  // namespace mien::expressions
